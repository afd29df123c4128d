"""Fully connected layers by CMSIS-NN."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import elem_count, freeze
from mcuq.kernels.cmsis_nn.calls import (
    LibraryCall,
    OnHelium,
    WithoutHelium,
    dims,
    offset_fields,
    scale_arrays,
    sum_refusal,
)
from mcuq.kernels.fields import Fields
from mcuq.kernels.variant import VariantType
from mcuq.ops.linear import LinearStep


class _Linear(LibraryCall[LinearStep]):
    """Fully connected by `arm_fully_connected_wrapper_s8`, a scale for each channel."""

    kernel: ClassVar[str] = "mcuq_cmsis_nn_linear_s8"

    def refuse(self) -> str | None:
        return sum_refusal(self.op.params)

    def call(self) -> KernelCall:
        """Weights as they are, `[M][K]`; where all channels have one scale, it stands alone."""
        params = self.op.params
        m, k = params.weights.shape
        rows = elem_count(self.shapes.inputs[0][:-1])
        scales = scale_arrays(params.requant)
        is_per_channel = len({*zip(params.requant.multiplier, params.requant.shift, strict=True)}) > 1
        if not is_per_channel:
            scales = tuple(CArray(each.field, each.values[:1], each.comment) for each in scales)
        fields: Fields = (
            *offset_fields("linear", params),
            *dims("x", rows, 1, 1, k),
            *dims("filter", k, 1, 1, m),
            *dims("y", rows, 1, 1, m),
            ("is_per_channel", int(is_per_channel)),
            ("sums_bytes", self.sums_bytes()),
        )
        weights = CArray("weights", freeze(params.weights.reshape(-1)), f"weights {[m, k]}")
        arrays = (weights, CArray("bias", params.bias, "bias"), *self.sums(), *scales)
        return self.library_call(fields, arrays)

    def sums(self) -> tuple[CArray, ...]:
        """What the library keeps between runs: nothing."""
        return ()

    def sums_bytes(self) -> int:
        """Bytes of that."""
        return sum(each.values.nbytes for each in self.sums())


class CmsisLinear(_Linear, WithoutHelium[LinearStep]):
    """On cores without vectors."""


class CmsisLinearHelium(_Linear, OnHelium[LinearStep]):
    """On Helium, where `arm_vector_sum_s8` would fill a buffer before the first run: it is constant here."""

    def sums(self) -> tuple[CArray, ...]:
        """Of each channel the sum of its weights times the input's offset, and its bias."""
        folded = freeze(self.op.params.folded_bias.astype(np.int32))
        return (CArray("sums", folded, "bias, the input's zero point folded in"),)


VARIANTS: tuple[VariantType, ...] = (CmsisLinearHelium, CmsisLinear)

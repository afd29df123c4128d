"""Fully connected layers in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import elem_count
from mcuq.kernels.portable.weighted import channel_arrays, code_fields
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.ops.linear import LinearStep


class PortableLinear(Variant[LinearStep]):
    """Fully connected."""

    kernel: ClassVar[str] = "mcuq_linear_s8"

    def call(self) -> KernelCall:
        """Weights as they are, `[M][K]`."""
        weights = self.op.params.weights
        fields = (
            ("rows", elem_count(self.shapes.inputs[0][:-1])),
            ("in_c", weights.shape[1]),
            ("out_c", weights.shape[0]),
            *code_fields(self.op.params),
        )
        packed = CArray("weights", weights.reshape(-1), f"weights {list(weights.shape)}")
        return KernelCall(self.kernel, fields, (packed, *channel_arrays(self.op.params)))

    def terms(self) -> Terms:
        """One output at a time."""
        rows = elem_count(self.shapes.inputs[0][:-1])
        m, k = self.op.params.weights.shape
        return {"macs": rows * m * k, "outputs": rows * m, "calls": 1}


VARIANTS: tuple[VariantType, ...] = (PortableLinear,)

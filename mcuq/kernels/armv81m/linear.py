"""Fully connected layers for cores with vector instructions."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import DType, elem_count, freeze
from mcuq.kernels.armv81m.requantize import (
    LANES,
    NEEDS_MVE,
    channel_array,
    code_fields,
    is_narrow,
    narrow_refusal,
    pack_channels,
    pack_weights,
    rounding_refusal,
)
from mcuq.kernels.fields import Fields
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.ops.linear import LinearStep


class VectorLinear(Variant[LinearStep]):
    """Fully connected, 4 outputs by 2 rows at a time."""

    kernel: ClassVar[str] = "mcuq_linear_s8_mve"
    needs: ClassVar[tuple[str, ...]] = NEEDS_MVE
    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT8, DType.INT4)

    def refuse(self) -> str | None:
        """Whatever is rounded twice."""
        return rounding_refusal(self.op.params.requant) or narrow_refusal(self.op.params)

    def call(self) -> KernelCall:
        """Four channels interleaved, 16 codes of each in turn."""
        params = self.op.params
        m, k = params.weights.shape
        fields: Fields = (
            ("rows", elem_count(self.shapes.inputs[0][:-1])),
            ("in_c", k),
            ("out_c", m),
            ("is_narrow", int(is_narrow(params))),
            *code_fields(params),
        )
        packed = pack_weights(params, 1)
        weights = CArray("weights", freeze(packed.reshape(-1)), f"weights {[m, k]}, four channels in turn")
        return KernelCall(self.kernel, fields, (weights, channel_array(pack_channels(params))))

    def terms(self) -> Terms:
        """Blocks of two rows and four channels, whose codes are taken 16 at a time."""
        rows = elem_count(self.shapes.inputs[0][:-1])
        m, k = self.op.params.weights.shape
        blocks = -(-rows // 2) * -(-m // LANES)
        return {
            "block_chunks": blocks * (k // 16),
            "block_rests": blocks * (k % 16 > 0),
            "blocks": blocks,
            "pairs": -(-rows // 2),
            "calls": 1,
        }


VARIANTS: tuple[VariantType, ...] = (VectorLinear,)

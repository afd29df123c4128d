"""Fully connected layers for cores with vector instructions."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import DType, elem_count, freeze
from mcuq.kernels.armv81m.requantize import (
    LANES,
    NEEDS_MVE,
    channel_array,
    chunk_codes,
    code_fields,
    is_narrow,
    is_slow,
    mixed_fields,
    mixed_refusal,
    narrow_refusal,
    pack_channels,
    pack_weights,
    rounding_refusal,
)
from mcuq.kernels.fields import Fields
from mcuq.kernels.portable.mixed import NarrowToWide, WideToNarrow, WideToWide
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

    def _end_fields(self) -> Fields:
        """How weights are kept, and how sums become codes."""
        return (("is_narrow", int(is_narrow(self.op.params))), *code_fields(self.op.params))

    def call(self) -> KernelCall:
        """Four channels interleaved, a vector of codes of each in turn."""
        params = self.op.params
        m, k = params.weights.shape
        rows = ("rows", elem_count(self.shapes.inputs[0][:-1]))
        fields: Fields = (rows, ("in_c", k), ("out_c", m), *self._end_fields())
        packed = pack_weights(params, 1)
        weights = CArray("weights", freeze(packed.reshape(-1)), f"weights {[m, k]}, four channels in turn")
        return KernelCall(self.kernel, fields, (weights, channel_array(pack_channels(params))))

    def terms(self) -> Terms:
        """Blocks of two rows and four channels, whose codes are taken a vector at a time."""
        rows = elem_count(self.shapes.inputs[0][:-1])
        m, k = self.op.params.weights.shape
        blocks, chunk = -(-rows // 2) * -(-m // LANES), chunk_codes(self.op.params)
        return {
            "block_chunks": blocks * (k // chunk),
            "block_rests": blocks * (k % chunk > 0),
            "blocks": blocks,
            "pairs": -(-rows // 2),
            "calls": 1,
        }


class _MixedVectorLinear(VectorLinear):
    """The same with an input or output of int16."""

    def refuse(self) -> str | None:
        """Of int16 inputs nothing; of int8 ones what is not rounded twice."""
        return mixed_refusal(self.op.params)

    def _end_fields(self) -> Fields:
        return mixed_fields(self.op.params)

    def terms(self) -> Terms:
        """Codes that are computed one by one are counted as well."""
        slow = elem_count(self.shapes.output) * is_slow(self.op.params)
        return {**super().terms(), "slow": slow}


class WideVectorLinear(WideToWide, _MixedVectorLinear):
    """From int16 to int16."""

    kernel: ClassVar[str] = "mcuq_linear_s16_mve"


class NarrowingVectorLinear(WideToNarrow, _MixedVectorLinear):
    """From int16 to int8."""

    kernel: ClassVar[str] = "mcuq_linear_s16_s8_mve"


class WideningVectorLinear(NarrowToWide, _MixedVectorLinear):
    """From int8 to int16."""

    kernel: ClassVar[str] = "mcuq_linear_s8_s16_mve"


VARIANTS: tuple[VariantType, ...] = (
    VectorLinear,
    WideVectorLinear,
    NarrowingVectorLinear,
    WideningVectorLinear,
)

"""Fully connected layers in plain C."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import DType, elem_count, freeze
from mcuq.kernels.portable.blocked import folded_bias, pack_fours, quad_array
from mcuq.kernels.portable.mixed import NarrowToWide, WideToNarrow, WideToWide, mixed_call
from mcuq.kernels.portable.weighted import channel_arrays, code_fields, stored_weights
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.ops.linear import LinearStep


class BlockedLinear(Variant[LinearStep]):
    """Four outputs at a time."""

    kernel: ClassVar[str] = "mcuq_linear_s8_4x1"

    def call(self) -> KernelCall:
        """Weights of four outputs side by side."""
        params = self.op.params
        m, k = params.weights.shape
        fields = (
            ("rows", elem_count(self.shapes.inputs[0][:-1])),
            ("in_c", k),
            ("out_c", m),
            *code_fields(params)[1:],
        )
        return KernelCall(self.kernel, fields, (*self._block_arrays(), *channel_arrays(params)[1:]))

    def _block_arrays(self) -> tuple[CArray, CArray]:
        """Weights and biases as blocks of four outputs read them."""
        params = self.op.params
        about = f"weights {list(params.weights.shape)}, by fours"
        return CArray("weights", freeze(pack_fours(params.weights, 1)), about), folded_bias(params)

    def terms(self) -> Terms:
        """Outputs by fours, and those that are left over."""
        rows = elem_count(self.shapes.inputs[0][:-1])
        m, k = self.op.params.weights.shape
        return {
            "four_codes": rows * (m // 4) * k,
            "fours": rows * (m // 4),
            "single_codes": rows * (m % 4) * k,
            "singles": rows * (m % 4),
            "rows": rows,
            "calls": 1,
        }


class NibbleBlockedLinear(BlockedLinear):
    """The same with weights of four bits; outputs fill up the last four."""

    kernel: ClassVar[str] = "mcuq_linear_s8_w4_4x1"
    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT4,)

    def _block_arrays(self) -> tuple[CArray, CArray]:
        """Four outputs in two bytes."""
        params = self.op.params
        return quad_array(params.weights, 1), folded_bias(params, -len(params.weights) % 4)

    def terms(self) -> Terms:
        """Outputs by fours; a last four cost as much with fewer."""
        rows = elem_count(self.shapes.inputs[0][:-1])
        m, k = self.op.params.weights.shape
        fours = rows * -(-m // 4)
        return {"four_codes": fours * k, "fours": fours, "rows": rows, "calls": 1}


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
        packed = stored_weights(weights, self.takes_constants[0])
        return KernelCall(self.kernel, fields, (packed, *channel_arrays(self.op.params)))

    def terms(self) -> Terms:
        """One output at a time."""
        rows = elem_count(self.shapes.inputs[0][:-1])
        m, k = self.op.params.weights.shape
        return {"macs": rows * m * k, "outputs": rows * m, "calls": 1}


class _MixedLinear(PortableLinear):
    """The same with an input or output of int16."""

    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT8, DType.INT4)

    def call(self) -> KernelCall:
        """Weights as they are, and how sums are kept."""
        return mixed_call(super().call(), self.op.params)


class WideLinear(WideToWide, _MixedLinear):
    """From int16 to int16."""

    kernel: ClassVar[str] = "mcuq_linear_s16"


class NarrowingLinear(WideToNarrow, _MixedLinear):
    """From int16 to int8."""

    kernel: ClassVar[str] = "mcuq_linear_s16_s8"


class WideningLinear(NarrowToWide, _MixedLinear):
    """From int8 to int16."""

    kernel: ClassVar[str] = "mcuq_linear_s8_s16"


class _NibbleMixedLinear(_MixedLinear):
    """Four outputs at a time, weights of four bits."""

    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT4,)

    def call(self) -> KernelCall:
        """Four outputs in two bytes."""
        call = super().call()
        return dataclasses.replace(call, arrays=(quad_array(self.op.params.weights, 1), *call.arrays[1:]))

    def terms(self) -> Terms:
        """Outputs by fours; a last four cost as much with fewer."""
        rows = elem_count(self.shapes.inputs[0][:-1])
        m, k = self.op.params.weights.shape
        fours = rows * -(-m // 4)
        return {"four_codes": fours * k, "fours": fours, "outputs": rows * m, "calls": 1}


class WideNibbleLinear(WideToWide, _NibbleMixedLinear):
    """From int16 to int16, weights of four bits."""

    kernel: ClassVar[str] = "mcuq_linear_s16_w4"


class NarrowingNibbleLinear(WideToNarrow, _NibbleMixedLinear):
    """From int16 to int8, weights of four bits."""

    kernel: ClassVar[str] = "mcuq_linear_s16_s8_w4"


class WideningNibbleLinear(NarrowToWide, _NibbleMixedLinear):
    """From int8 to int16, weights of four bits."""

    kernel: ClassVar[str] = "mcuq_linear_s8_s16_w4"


class NibbleLinear(PortableLinear):
    """Fully connected, weights of four bits."""

    kernel: ClassVar[str] = "mcuq_linear_s8_w4"
    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT4,)


VARIANTS: tuple[VariantType, ...] = (
    BlockedLinear,
    NibbleBlockedLinear,
    PortableLinear,
    WideNibbleLinear,
    NarrowingNibbleLinear,
    WideningNibbleLinear,
    WideLinear,
    NarrowingLinear,
    WideningLinear,
    NibbleLinear,
)

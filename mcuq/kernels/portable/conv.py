"""Convolutions in plain C."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall, KernelWalk
from mcuq.ir.types import DType, elem_count, freeze
from mcuq.kernels.fields import Fields, image_fields, window_fields
from mcuq.kernels.portable.blocked import folded_bias, pack_fours, quad_array
from mcuq.kernels.portable.mixed import NarrowToWide, WideToNarrow, WideToWide, mixed_call
from mcuq.kernels.portable.weighted import channel_arrays, code_fields, stored_weights
from mcuq.kernels.terms import count_windows
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.kernels.walks import window_walk
from mcuq.ops.conv import ConvStep


class BlockedConv(Variant[ConvStep]):
    """Several channels of several windows at a time; windows are gathered first, single taps read in place.

    Attributes:
        windows: how many at a time.
    """

    kernel: ClassVar[str] = "mcuq_conv2d_s8_4x2"
    windows: ClassVar[int] = 2

    def call(self) -> KernelCall:
        """Weights of four channels side by side."""
        op, x, y, weights = self.op, self.shapes.inputs[0], self.shapes.output, self.op.params.weights
        rows = weights.reshape(len(weights), -1)
        window = window_fields(op.window, with_dilation=True)
        fields: Fields = (
            *image_fields(x, y, "in_c"),
            ("out_c", y[3]),
            ("groups", op.groups),
            *window[:2],
            ("window_c", rows.shape[1]),
            *window[2:],
            *code_fields(op.params),
        )
        arrays = (*self._block_arrays(), *channel_arrays(op.params)[1:])
        scratch = 4 if self._is_in_place() else self.windows * rows.shape[1]
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=scratch, walks=self._walks())

    def _block_arrays(self) -> tuple[CArray, CArray]:
        """Weights and biases as blocks of four channels read them."""
        op, weights = self.op, self.op.params.weights
        fours = pack_fours(weights.reshape(len(weights), -1), op.groups)
        about = f"weights {list(weights.shape)}, by fours"
        return CArray("weights", freeze(fours), about), folded_bias(op.params)

    def _walks(self) -> tuple[KernelWalk, ...]:
        """Windows are gathered before outputs are written; single taps are read for all channels."""
        op, x, y = self.op, self.shapes.inputs[0], self.shapes.output
        if op.groups > 1 or x[0] > 1:
            return ()
        late = (0, 1 if y[3] % 4 else 4) if op.window.kernel == (1, 1) else None
        return window_walk(op.window, x, y, self.windows, late=late)

    def _is_in_place(self) -> bool:
        """Whether every window is a single tap inside the image."""
        return self.op.window.kernel == (1, 1) and self._border() == 0

    def _border(self) -> int:
        """Windows of an image that leave it."""
        return count_windows(self.op.window, self.shapes.inputs[0], self.shapes.output)[1]

    def terms(self) -> Terms:
        """Blocks of four channels, channels that are left over, windows."""
        op, x, y = self.op, self.shapes.inputs[0], self.shapes.output
        k, filters = self.op.params.weights[0].size, y[3] // op.groups
        windows = op.groups * x[0] * y[1] * y[2]
        blocks = -(-windows // self.windows)
        is_in_place = self._is_in_place()
        return {
            "block_codes": blocks * (filters // 4) * k,
            "blocks": blocks * (filters // 4),
            "single_codes": blocks * (filters % 4) * k,
            "singles": blocks * (filters % 4),
            "rounds": blocks,
            "windows": windows,
            "gathered_codes": 0 if is_in_place else windows * k,
            "gathered_rows": 0 if is_in_place else windows * op.window.kernel[0],
            "tapped": self._tapped() * op.groups * x[0],
            "calls": 1,
        }

    def _tapped(self) -> int:
        """Taps of an image that are gathered one by one."""
        op = self.op
        if self._is_in_place():
            return 0
        is_by_tap = op.groups > 1 or op.window.dilations[1] > 1
        by_tap = self.shapes.output[1] * self.shapes.output[2] if is_by_tap else self._border()
        return by_tap * op.window.kernel[0] * op.window.kernel[1]


class NibbleBlockedConv(BlockedConv):
    """The same with weights of four bits; channels fill up the last four."""

    kernel: ClassVar[str] = "mcuq_conv2d_s8_w4_4x2"
    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT4,)

    def _block_arrays(self) -> tuple[CArray, CArray]:
        """Four channels in two bytes."""
        op, weights = self.op, self.op.params.weights
        return quad_array(weights, op.groups), folded_bias(op.params, -len(weights) // op.groups % 4)

    def terms(self) -> Terms:
        """Blocks of four channels; a last one costs as much with fewer."""
        op, plain = self.op, super().terms()
        fours = -(-self.shapes.output[3] // op.groups // 4)
        blocks = plain["rounds"] * fours
        mine = {"block_codes": blocks * op.params.weights[0].size, "blocks": blocks}
        return {name: mine.get(name, count) for name, count in plain.items() if not name.startswith("single")}


class PortableConv(Variant[ConvStep]):
    """Dense and grouped convolution."""

    kernel: ClassVar[str] = "mcuq_conv2d_s8"

    def call(self) -> KernelCall:
        """Weights as they are, `[M][KH][KW][C / groups]`."""
        op, weights = self.op, self.op.params.weights
        fields = (
            *image_fields(self.shapes.inputs[0], self.shapes.output, "in_c"),
            ("out_c", len(weights)),
            ("groups", op.groups),
            *window_fields(op.window, with_dilation=True),
            *code_fields(op.params),
        )
        packed = stored_weights(weights, self.takes_constants[0])
        return KernelCall(self.kernel, fields, (packed, *channel_arrays(op.params)))

    def terms(self) -> Terms:
        """One output at a time, taps outside the image left out."""
        x, y = self.shapes.inputs[0], self.shapes.output
        _, _, taps = count_windows(self.op.window, x, y)
        depth = x[3] // self.op.groups
        return {
            "macs": x[0] * y[3] * taps * depth,
            "taps": x[0] * y[3] * taps,
            "rows": elem_count(y) * self.op.window.kernel[0],
            "outputs": elem_count(y),
            "calls": 1,
        }


class _MixedConv(PortableConv):
    """The same with an input or output of int16."""

    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT8, DType.INT4)

    def call(self) -> KernelCall:
        """Weights as they are, and how sums are kept."""
        return mixed_call(super().call(), self.op.params)


class WideConv(WideToWide, _MixedConv):
    """From int16 to int16."""

    kernel: ClassVar[str] = "mcuq_conv2d_s16"


class NarrowingConv(WideToNarrow, _MixedConv):
    """From int16 to int8."""

    kernel: ClassVar[str] = "mcuq_conv2d_s16_s8"


class WideningConv(NarrowToWide, _MixedConv):
    """From int8 to int16."""

    kernel: ClassVar[str] = "mcuq_conv2d_s8_s16"


class _NibbleMixedConv(_MixedConv):
    """Four channels at a time, weights of four bits."""

    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT4,)

    def call(self) -> KernelCall:
        """Four channels in two bytes."""
        call, op = super().call(), self.op
        return dataclasses.replace(call, arrays=(quad_array(op.params.weights, op.groups), *call.arrays[1:]))

    def terms(self) -> Terms:
        """Four channels at a time; a last four of a group cost as much with fewer."""
        x, y, groups = self.shapes.inputs[0], self.shapes.output, self.op.groups
        _, _, taps = count_windows(self.op.window, x, y)
        fours = groups * -(-y[3] // groups // 4)
        kernel, inside = self.op.window.kernel, x[0] * taps * fours
        return {
            "four_codes": inside * (x[3] // groups),
            "four_taps": inside,
            "taps": elem_count(y[:3]) * fours * kernel[0] * kernel[1],
            "fours": elem_count(y[:3]) * fours,
            "outputs": elem_count(y),
            "calls": 1,
        }


class WideNibbleConv(WideToWide, _NibbleMixedConv):
    """From int16 to int16, weights of four bits."""

    kernel: ClassVar[str] = "mcuq_conv2d_s16_w4"


class NarrowingNibbleConv(WideToNarrow, _NibbleMixedConv):
    """From int16 to int8, weights of four bits."""

    kernel: ClassVar[str] = "mcuq_conv2d_s16_s8_w4"


class WideningNibbleConv(NarrowToWide, _NibbleMixedConv):
    """From int8 to int16, weights of four bits."""

    kernel: ClassVar[str] = "mcuq_conv2d_s8_s16_w4"


class NibbleConv(PortableConv):
    """Dense and grouped convolution, weights of four bits."""

    kernel: ClassVar[str] = "mcuq_conv2d_s8_w4"
    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT4,)


VARIANTS: tuple[VariantType, ...] = (
    BlockedConv,
    NibbleBlockedConv,
    PortableConv,
    WideNibbleConv,
    NarrowingNibbleConv,
    WideningNibbleConv,
    WideConv,
    NarrowingConv,
    WideningConv,
    NibbleConv,
)

"""Depthwise convolutions for cores with vector instructions."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mcuq.ir.plan import CArray, KernelCall, KernelWalk
from mcuq.ir.types import Array, DType, Int8, elem_count, freeze
from mcuq.kernels.armv81m.requantize import (
    LANES,
    NEEDS_MVE,
    channel_array,
    code_fields,
    is_slow,
    mixed_fields,
    pack_channels,
    pack_fours,
    rounding_refusal,
)
from mcuq.kernels.fields import Fields, image_fields, round_up, window_fields
from mcuq.kernels.portable.mixed import WideToNarrow, WideToWide
from mcuq.kernels.terms import limited
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.kernels.walks import read_meanwhile, sized, tile_walk, window_walk
from mcuq.ops.accumulator import Accumulator, stored_multipliers
from mcuq.ops.conv import DepthwiseStep
from mcuq.ops.weighted import WeightedParams

CHANNELS = 8  # whose strips are made at a time
_MAX_ROWS = 8  # of outputs that are made from the same strips
_STRIP_BYTES = 2048  # of all of them, where a window is not longer
EIGHT = 8  # channels of int16 in a vector
NINE = 9  # taps that are added up in one go
_MAX_TAPS = 511  # products of int16 by int8 whose sums are an int32
_MAX_PLACES = 65535  # offsets of 16 bits
_MAX_PITCH = 65535 // (CHANNELS - 1)  # offsets of 16 bits


class VectorDepthwise(Variant[DepthwiseStep]):
    """Depthwise convolution, four output channels at a time from strips; any window, any multiplier."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s8_mve"
    needs: ClassVar[tuple[str, ...]] = NEEDS_MVE
    channel_multiple: ClassVar[int] = LANES
    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT8, DType.INT4)

    @property
    def _reach(self) -> int:
        """Columns of a window."""
        return self.op.window.dilations[1] * (self.op.window.kernel[1] - 1) + 1

    def refuse(self) -> str | None:
        """Whatever is rounded twice, but for windows of thousands of taps."""
        taps = self.op.window.kernel[0] * self._reach
        if taps > _MAX_PITCH:
            return f"the window reaches over {taps} codes, the kernel takes {_MAX_PITCH}"
        return rounding_refusal(self.op.params.requant)

    def _tile(self) -> tuple[int, int]:
        """Rows and columns of outputs that are made at a time."""
        y, stride = self.shapes.output, self.op.window.strides
        rows = 1
        while rows < min(y[1], _MAX_ROWS) and self.op.window.dilations[0] == 1 and self._span(rows + 1) <= 16:
            rows += 1
        columns = _STRIP_BYTES // CHANNELS // self._column(rows)
        return rows, min(y[2], max(1, (columns - self._reach) // stride[1] + 1))

    def _column(self, rows: int) -> int:
        """Codes of a strip's column for so many rows of outputs."""
        return (rows - 1) * self.op.window.strides[0] + self.op.window.kernel[0]

    def _span(self, rows: int) -> int:
        """Codes of a strip from the first tap of a window to the last."""
        return self._column(rows) * (self._reach - 1) + self.op.window.kernel[0]

    def _columns(self) -> int:
        """Columns of a strip."""
        return (self._tile()[1] - 1) * self.op.window.strides[1] + self._reach

    def call(self) -> KernelCall:
        """Filters column by column; of windows of more than 16 codes in sixteens of four channels."""
        op, x, y, window = self.op, self.shapes.inputs[0], self.shapes.output, self.op.window
        rows, width = self._tile()
        column, is_long = self._column(rows), self._span(rows) > 16
        filters = op.params.weights[..., 0].swapaxes(1, 2)
        taps = window.kernel[0] * (self._reach if is_long else window.kernel[1])
        packed = pack_long(filters, window.dilations[1]) if is_long else pack_short(filters)
        fields: Fields = (
            *image_fields(x, y, "in_c"),
            ("out_c", y[3]),
            ("per_channel", y[3] // x[3]),
            ("kernel_h", window.kernel[0]),
            ("reach_w", self._reach),
            ("stride_h", window.strides[0]),
            ("stride_w", window.strides[1]),
            ("dilation_h", window.dilations[0]),
            ("pad_top", window.pads[0]),
            ("pad_left", window.pads[1]),
            ("tile_h", rows),
            ("tile_w", width),
            ("column_c", column),
            ("pitch", self._columns() * column),
            ("is_long", int(is_long)),
            ("taps", taps),
            ("weights_step", packed[0].size),
            *code_fields(op.params),
        )
        comment = f"weights {list(op.params.weights.shape)}, column by column"
        places = np.full(16, -1, np.int8) if is_long else self._places(column)
        arrays = (
            CArray("weights", freeze(packed.reshape(-1)), comment),
            channel_array(pack_channels(op.params)),
            CArray("places", freeze(places), "which weight meets a code of a window"),
        )
        scratch = CHANNELS * self._columns() * column + 16
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=scratch, walks=self._walks())

    def _places(self, column: int) -> Int8:
        """Which tap of a filter meets each of the 16 codes from the beginning of a window, -1 for none."""
        (kh, kw), dilation = self.op.window.kernel, self.op.window.dilations[1]
        places: Int8 = np.full(16, -1, np.int8)
        for tap in range(kh * kw):
            places[tap // kh * dilation * column + tap % kh] = tap
        return places

    def _walks(self) -> tuple[KernelWalk, ...]:
        """Tiles, channel by channel, where every input channel has one filter."""
        x, y = self.shapes.inputs[0], self.shapes.output
        if x[3] != y[3]:
            return ()
        rows, width = self._tile()
        bands = [min(rows, y[1] - first) for first in range(0, y[1], rows)]
        return tile_walk(self.op.window, x, y, bands, width)

    def terms(self) -> Terms:
        """Strips of eight channels, filters of four, and outputs of four."""
        x, y = self.shapes.inputs[0], self.shapes.output
        rows, width = self._tile()
        tiles = y[0] * -(-y[1] // rows) * -(-y[2] // width)
        strips, fours = tiles * -(-x[3] // CHANNELS), -(-y[3] // LANES)
        outputs = y[0] * y[1] * y[2] * fours
        sixteens = -(-self._span(rows) // 16)
        return {
            "strips": strips,
            "strip_rows": strips * self._column(rows),
            "strip_codes": strips * self._column(rows) * self._columns(),
            "blocks": tiles * fours,
            "block_rows": y[0] * y[1] * -(-y[2] // width) * fours,
            "outputs": outputs,
            "long_taps": outputs * sixteens if sixteens > 1 else 0,
            "limited": limited(self.op.params, elem_count(y)),
            "tiles": tiles,
            "calls": 1,
        }


def pack_short(filters: Int8) -> Int8:
    """`[M, KW, KH]` as `[fours, 4, KW * KH]`."""
    padded = _fill_up(filters.reshape(len(filters), -1))
    return padded.reshape(-1, LANES, padded.shape[1])


def pack_long(filters: Int8, dilation: int) -> Int8:
    """`[M, KW, KH]` as `[fours, ...]`, 16 taps of each of four filters in turn; gaps are columns of 0."""
    m, kw, kh = filters.shape
    columns: Array = np.zeros((m, dilation * (kw - 1) + 1, kh), np.int8)
    columns[:, ::dilation] = filters
    taps = columns.reshape(m, -1)
    taps = np.pad(taps, ((0, 0), (0, -taps.shape[1] % 16)))
    packed: Int8 = pack_fours(_fill_up(taps)[np.newaxis])[0]
    return packed


def _fill_up(rows: Array) -> Array:
    """Rows of zeros behind, up to a multiple of 4."""
    padded: Array = np.zeros((round_up(len(rows), LANES), rows.shape[1]), np.int8)
    padded[: len(rows)] = rows
    return padded


class _TapsDepthwise(Variant[DepthwiseStep]):
    """Depthwise convolution of int16, eight channels by nine taps at a time; any window, any multiplier."""

    needs: ClassVar[tuple[str, ...]] = NEEDS_MVE
    channel_multiple: ClassVar[int] = EIGHT
    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT8, DType.INT4)

    def refuse(self) -> str | None:
        """Sums of windows of hundreds of taps that need 64 bits, and channels that 16 bits do not count."""
        params, taps = self.op.params, self._taps
        if params.accumulator is Accumulator.INT64 and taps > _MAX_TAPS:
            return f"the window has {taps} taps whose sums may need 64 bits, the kernel takes {_MAX_TAPS}"
        channels = self.shapes.inputs[0][3]
        if channels > _MAX_PLACES and self.shapes.output[3] > channels:
            return f"{channels} channels have several filters, the kernel takes {_MAX_PLACES}"
        return None

    @property
    def _taps(self) -> int:
        return self.op.window.kernel[0] * self.op.window.kernel[1]

    def call(self) -> KernelCall:
        """Taps in nines, channels in eights, the even ones of eight before the odd ones."""
        op, x, y = self.op, self.shapes.inputs[0], self.shapes.output
        wide, nines = round_up(y[3], EIGHT), -(-self._taps // NINE)
        fields: Fields = (
            *image_fields(x, y, "in_c"),
            ("out_c", y[3]),
            ("per_channel", y[3] // x[3]),
            *window_fields(op.window, with_dilation=True),
            ("nines", nines),
            ("wide_c", wide),
            ("is_run", int(self._is_run)),
            *mixed_fields(op.params)[1:],
        )
        places = np.arange(wide) // (y[3] // x[3]) if y[3] != x[3] else np.zeros(EIGHT, np.int64)
        arrays = (
            CArray(
                "weights", freeze(pack_taps(op.params.weights)), f"weights {list(op.params.weights.shape)}"
            ),
            pack_eights(op.params),
            CArray("places", freeze(places.astype(np.uint16).view(np.int16)), "which channel a filter reads"),
        )
        scratch = 4 * wide + 2 * round_up(x[3], EIGHT)
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=scratch, walks=self._walks())

    def _walks(self) -> tuple[KernelWalk, ...]:
        """A pixel's window is read before the pixel is written, in a run channel by channel."""
        x, y = self.shapes.inputs[0], self.shapes.output
        walk = window_walk(self.op.window, x, y)
        if not self._is_run:
            return sized(walk, self.shapes)
        if self.shapes.input_types == self.shapes.output_types:
            return sized(walk, self.shapes, lane=self.shapes.input_types[0].itemsize * x[3])
        return tuple(map(read_meanwhile, sized(walk, self.shapes)))

    @property
    def _is_run(self) -> bool:
        """Whether nine taps or fewer of a channel of its own become codes in one go."""
        params, is_single = self.op.params, self.shapes.output[3] == self.shapes.inputs[0][3]
        has_left = params.requant.max_left_shift > 0
        return is_single and self._taps <= NINE and not has_left and not is_slow(params)

    def terms(self) -> Terms:
        """Nine taps of eight channels, and what they become."""
        y = self.shapes.output
        pixels, eights = y[0] * y[1] * y[2], -(-y[3] // EIGHT)
        nines = -(-self._taps // NINE)
        return {
            "nines": pixels * nines * eights,
            "eights": pixels * eights,
            "windows": pixels * nines,
            "pixels": pixels,
            "slow": elem_count(y) * is_slow(self.op.params),
            "calls": 1,
        }


class WideTapsDepthwise(WideToWide, _TapsDepthwise):
    """From int16 to int16."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s16_mve"


class NarrowingTapsDepthwise(WideToNarrow, _TapsDepthwise):
    """From int16 to int8."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s16_s8_mve"


def pack_taps(weights: Int8) -> Int8:
    """`[M, KH, KW, 1]` as `[nines, eights, 9, 8]`, in one row: taps in nines, filled up with 0."""
    m = len(weights)
    taps: Array = weights.reshape(m, -1)
    padded: Int8 = np.zeros((round_up(m, EIGHT), round_up(taps.shape[1], NINE)), np.int8)
    padded[:m, : taps.shape[1]] = taps
    return padded.reshape(-1, EIGHT, padded.shape[1] // NINE, NINE).transpose(2, 0, 3, 1).reshape(-1)


def pack_eights(params: WeightedParams) -> CArray:
    """Biases, multipliers and shifts, `[eights, 3, 8]`: the even ones of eight before the odd ones."""
    multipliers = stored_multipliers(params.requant, params.accumulator)
    m = len(params.bias)
    rows: Array = np.zeros((3, round_up(m, EIGHT)), np.int32)
    rows[:, :m] = np.stack([params.bias, multipliers, params.requant.shift])
    pairs = rows.reshape(3, -1, EIGHT // 2, 2).transpose(1, 0, 3, 2)
    comment = "eight biases, multipliers and shifts, positive is left; the even ones of eight first"
    return CArray("channels", freeze(np.ascontiguousarray(pairs).reshape(-1)), comment)


VARIANTS: tuple[VariantType, ...] = (VectorDepthwise, WideTapsDepthwise, NarrowingTapsDepthwise)

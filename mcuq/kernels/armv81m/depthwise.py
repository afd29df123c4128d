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
    pack_channels,
    pack_fours,
    rounding_refusal,
)
from mcuq.kernels.fields import Fields, image_fields, round_up
from mcuq.kernels.terms import limited
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.kernels.walks import tile_walk
from mcuq.ops.conv import DepthwiseStep

CHANNELS = 8  # whose strips are made at a time
_MAX_ROWS = 8  # of outputs that are made from the same strips
_STRIP_BYTES = 2048  # of all of them, where a window is not longer
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


VARIANTS: tuple[VariantType, ...] = (VectorDepthwise,)

"""Depthwise convolutions for cores with vector instructions."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mcuq.ir.plan import CArray, KernelCall, KernelWalk
from mcuq.ir.types import Array, Int8, freeze
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
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.kernels.walks import tile_walk
from mcuq.ops.conv import DepthwiseStep

CHANNELS = 8  # whose strips are made at a time
_STRIP_BYTES = 2048  # of all of them, where a window is not longer
_MAX_PITCH = 65535 // (CHANNELS - 1)  # offsets of 16 bits


class VectorDepthwise(Variant[DepthwiseStep]):
    """Depthwise convolution, four output channels at a time from strips; any window, any multiplier."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s8_mve"
    needs: ClassVar[tuple[str, ...]] = NEEDS_MVE
    channel_multiple: ClassVar[int] = LANES

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

    def _band(self) -> tuple[int, int]:
        """Outputs of a row that are made at a time, and codes of the strip that they need."""
        rows, stride = self.op.window.kernel[0], self.op.window.strides[1]
        columns = _STRIP_BYTES // CHANNELS // rows
        band = min(self.shapes.output[2], max(1, (columns - self._reach) // stride + 1))
        return band, ((band - 1) * stride + self._reach) * rows

    def call(self) -> KernelCall:
        """Filters column by column; of more than 16 taps in sixteens of four channels."""
        op, x, y = self.op, self.shapes.inputs[0], self.shapes.output
        window = op.window
        packed = pack_filters(op.params.weights, window.dilations[1])
        band, pitch = self._band()
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
            ("band_w", band),
            ("pitch", pitch),
            ("weights_step", packed[0].size),
            *code_fields(op.params),
        )
        comment = f"weights {list(op.params.weights.shape)}, column by column"
        weights = CArray("weights", freeze(packed.reshape(-1)), comment)
        channels = channel_array(pack_channels(op.params))
        scratch = CHANNELS * pitch + 16
        return KernelCall(
            self.kernel, fields, (weights, channels), scratch_bytes=scratch, walks=self._walks()
        )

    def _walks(self) -> tuple[KernelWalk, ...]:
        """Bands of a row, channel by channel, where every input channel has one filter."""
        x, y = self.shapes.inputs[0], self.shapes.output
        return tile_walk(self.op.window, x, y, [1] * y[1], self._band()[0]) if x[3] == y[3] else ()

    def terms(self) -> Terms:
        """Strips of eight channels, filters of four, and outputs of four."""
        x, y, window = self.shapes.inputs[0], self.shapes.output, self.op.window
        band, _ = self._band()
        bands = y[0] * y[1] * -(-y[2] // band)
        strips = bands * -(-x[3] // CHANNELS)
        sixteens = -(-window.kernel[0] * self._reach // 16)
        fours = -(-y[3] // LANES)
        columns = (band - 1) * window.strides[1] + self._reach
        return {
            "strips": strips,
            "strip_rows": strips * window.kernel[0],
            "strip_codes": strips * window.kernel[0] * columns,
            "blocks": bands * fours,
            "outputs": y[0] * y[1] * y[2] * fours,
            "long_taps": y[0] * y[1] * y[2] * fours * (sixteens if sixteens > 1 else 0),
            "limited": y[0] * y[1] * y[2] * y[3] * ((self.op.params.lo, self.op.params.hi) != (-128, 127)),
            "bands": bands,
            "calls": 1,
        }


def pack_filters(weights: Int8, dilation: int) -> Int8:
    """`[M, KH, KW, 1]` as `[fours, ...]`: taps of four filters, column by column, gaps as columns of 0."""
    m, kh, kw, _ = weights.shape
    columns: Array = np.zeros((m, dilation * (kw - 1) + 1, kh), np.int8)
    columns[:, ::dilation] = weights[..., 0].swapaxes(1, 2)
    taps = columns.reshape(m, -1)
    if taps.shape[1] > 16:
        taps = np.pad(taps, ((0, 0), (0, -taps.shape[1] % 16)))
    padded: Array = np.zeros((round_up(m, LANES), taps.shape[1]), np.int8)
    padded[:m] = taps
    fours: Int8 = padded.reshape(-1, LANES, taps.shape[1])
    sixteens: Int8 = pack_fours(padded[np.newaxis])[0]
    return fours if taps.shape[1] <= 16 else sixteens


VARIANTS: tuple[VariantType, ...] = (VectorDepthwise,)

"""Convolutions for DSP cores: matrix products of windows that are expanded first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from mcuq.ir.plan import CArray, KernelCall, NearPart
from mcuq.ir.types import Array, DType, Int8, Shape, elem_count, freeze
from mcuq.kernels.armv7em.lines import Lines, find_lines
from mcuq.kernels.armv7em.matrix_conv import MatrixConv
from mcuq.kernels.armv7em.mixed_gemm import MixedGemmConv, QuadMixedGemmConv
from mcuq.kernels.armv7em.paired import pack_paired, paired_channels
from mcuq.kernels.armv7em.quads import pack_quads, quads_refusal
from mcuq.kernels.armv7em.requantize import NEEDS
from mcuq.kernels.armv7em.weighted import (
    PER_CHANNEL,
    channel_arrays,
    channels_refusal,
    clamp_fields,
    contract_refusal,
    exact_channels,
    fast_channels,
    odd_channels,
)
from mcuq.kernels.armv7em.winograd import (
    FOUR,
    TWO,
    Transform,
    channel_words,
    pack_transformed,
    winograd_refusal,
)
from mcuq.kernels.fields import Fields, limit_fields, round_up, window_fields
from mcuq.kernels.portable.mixed import NarrowToWide, WideToNarrow, WideToWide
from mcuq.kernels.terms import count_windows, limited
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.kernels.walks import square_walk, window_walk
from mcuq.ops.conv import ConvStep


class PairedConv(MatrixConv):
    """Convolution as a matrix product, 4 output channels by 2 pixels at a time.

    Attributes:
        how: the weights are packed.
    """

    kernel: ClassVar[str] = "mcuq_conv2d_s8_paired"
    how: ClassVar[str] = "two channels in a halfword"

    def refuse(self) -> str | None:
        """Dense, not dilated, and two roundings."""
        return self.window_refusal() or contract_refusal(self.op.params)

    def call(self) -> KernelCall:
        """All rows of the window in one, filled up to a multiple of 4."""
        op, (x, y) = self.op, self.images()
        row = op.window.kernel[1] * x[3]
        wide = round_up(op.window.kernel[0] * row, 4)
        window = window_fields(op.window, with_dilation=False)
        channels = paired_channels(op.params)
        fields: Fields = (
            *zip(("n", "in_h", "in_w", "in_c"), x, strict=True),
            *zip(("out_h", "out_w", "out_c"), y[1:], strict=True),
            *window[:2],
            ("row_c", row),
            ("wide_c", wide),
            *window[2:],
            ("x_zero_point", op.params.x_zero_point),
            *limit_fields(op.params),
            ("last", channels.last(y[3] // 4)),
            ("has_odd", channels.has_odd),
            ("near_groups", 0),
            ("near_words", 0),
        )
        packed, comment = self._pack(channels.weights), f"weights {list(op.params.weights.shape)}, {self.how}"
        arrays = channels.arrays(packed, comment)
        walks = window_walk(op.window, x, y, pixels=2)
        line = wide + 16 if x[3] % 4 else 0
        starts = (*channels.starts, len(channels.words))[: y[3] // 4 + 1]
        counts = (("near_groups", tuple(range(len(starts)))), ("near_words", starts))
        near = NearPart("weights", "near_weights", packed.nbytes // -(-y[3] // 4), counts)
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=4 * wide + line, walks=walks, near=near)

    def terms(self) -> Terms:
        """Four channels by two pixels; windows are expanded first, by a line where rows are no words."""
        op, (x, y) = self.op, self.images()
        count, border, _ = count_windows(op.window, x, y)
        row = op.window.kernel[1] * x[3]
        wide = round_up(op.window.kernel[0] * row, 4)
        groups, pairs = -(-y[3] // 4), x[0] * -(-count // 2)
        border, inside = x[0] * border, x[0] * (count - border)
        by_line = row % 4 != 0
        return {
            "block_codes": pairs * groups * wide,
            "blocks": pairs * groups,
            "long_blocks": pairs * paired_channels(op.params).long,
            "odd_parts": pairs * sum(paired_channels(op.params).odd),
            "pairs": pairs,
            "window_codes": inside * wide,
            "windows": inside,
            "line_codes": inside * wide * by_line,
            "line_rows": inside * op.window.kernel[0] * by_line,
            "border_codes": border * wide,
            "border_windows": border,
            "border_bytes": border * wide * (x[3] % 4 != 0),
            "rest": pairs * (y[3] % 4 != 0),
            "limited": limited(op.params, elem_count(y)),
            "calls": 1,
        }

    def passes(self) -> Mapping[str, int]:
        """All weights for two pixels."""
        return dict.fromkeys(("weights", "channels"), self._pairs())

    def rounds(self) -> int:
        """Windows are expanded, then multiplied, two at a time; short ones leave out most of a loop."""
        _, kh, kw, c = self.op.params.weights.shape
        return self._pairs() if kh * kw * c > 8 else 0

    def _pairs(self) -> int:
        n, h, w, _ = self.images()[1]
        return n * -(-h * w // 2)

    def _pack(self, weights: Int8) -> Int8:
        return pack_paired(weights, 4)


class QuadConv(PairedConv):
    """The same with weights of four bits."""

    kernel: ClassVar[str] = "mcuq_conv2d_s8_w4_dsp"
    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT4,)
    how: ClassVar[str] = "four channels in a halfword"

    def refuse(self) -> str | None:
        """As wider weights, but sums are not taken in parts."""
        return super().refuse() or quads_refusal(self.op.params)

    def _pack(self, weights: Int8) -> Int8:
        return pack_quads(weights, 4)

    def terms(self) -> Terms:
        """The codes of a window are added up, too."""
        terms = super().terms()
        return {**terms, "added_codes": terms["window_codes"] + terms["border_codes"]}


class GemmConv(MatrixConv):
    """Convolution as a matrix product, 2 output channels by 4 pixels at a time."""

    kernel: ClassVar[str] = "mcuq_conv2d_s8_gemm"

    def refuse(self) -> str | None:
        """Dense, not dilated, and every channel within the shortcut's conditions."""
        return self.window_refusal() or channels_refusal(self.op.params)

    def call(self) -> KernelCall:
        """Rows of the window filled up to a multiple of 4, two channels interleaved."""
        op, (x, y) = self.op, self.images()
        channels = exact_channels(op.params)
        packed = pack_pairs(channels.weights)
        row = round_up(op.window.kernel[1] * x[3], 4)
        fields: Fields = (
            *zip(("n", "in_h", "in_w", "in_c"), x, strict=True),
            *zip(("out_h", "out_w", "out_c"), y[1:], strict=True),
            *window_fields(op.window, with_dilation=False),
            ("row_c", row),
            ("x_zero_point", op.params.x_zero_point),
            *clamp_fields(op.params),
        )
        arrays = channel_arrays(
            channels, packed, f"weights {list(op.params.weights.shape)}, two channels interleaved"
        )
        scratch, walks = (8 * op.window.kernel[0] + 1) * row, window_walk(op.window, x, y, pixels=4)
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=scratch, walks=walks)

    def terms(self) -> Terms:
        """Two channels by four pixels; what is left over of four pixels goes by way of a block."""
        op, (x, y) = self.op, self.images()
        count, border, _ = count_windows(op.window, x, y)
        rows = op.window.kernel[0]
        taps = rows * round_up(op.window.kernel[1] * x[3], 4)
        fours, pairs = x[0] * -(-count // 4), -(-y[3] // 2)
        is_limited = (op.params.lo, op.params.hi) != (-128, 127)
        indirect = elem_count(y) if is_limited else x[0] * (count % 4) * y[3]
        return {
            "block_codes": fours * pairs * taps,
            "blocks": fours * pairs,
            "window_codes": x[0] * count * taps,
            "window_rows": x[0] * count * rows,
            "windows": x[0] * count,
            "border_codes": x[0] * border * taps,
            "border_rows": x[0] * border * rows,
            "indirect": indirect,
            "calls": 1,
        }

    def passes(self) -> Mapping[str, int]:
        """All weights for four pixels."""
        return dict.fromkeys(PER_CHANNEL, self.rounds())

    def rounds(self) -> int:
        """Windows are expanded, then multiplied, four at a time."""
        n, h, w, _ = self.images()[1]
        return n * -(-h * w // 4)


class _WinogradConv(MatrixConv):
    """3x3 convolution with fewer products, of int16, 4 output channels by 2 tiles at a time."""

    transform: ClassVar[Transform]

    def refuse(self) -> str | None:
        """3x3 at every place, dense, not dilated, exact when transformed."""
        window = self.op.window
        if window.kernel != (3, 3) or window.strides != (1, 1):
            return f"its window is {window.kernel} at strides {window.strides}, the kernel takes 3x3 at 1"
        return self.window_refusal() or winograd_refusal(self.op.params, self.transform)

    def call(self) -> KernelCall:
        """Windows transformed, channels filled up to multiples of 4."""
        op, x, y = self.op, self.shapes.inputs[0], self.shapes.output
        edge, positions = self.transform.edge, self.transform.positions
        wide = round_up(x[3], 4)
        fields: Fields = (
            *zip(("n", "in_h", "in_w", "in_c"), x, strict=True),
            *zip(("out_h", "out_w", "out_c"), y[1:], strict=True),
            ("wide_c", wide),
            ("pad_top", op.window.pads[0]),
            ("pad_left", op.window.pads[1]),
            ("x_zero_point", op.params.x_zero_point),
            *limit_fields(op.params),
        )
        channels = fast_channels(op.params)
        packed = pack_transformed(channels.weights.reshape(op.params.weights.shape), self.transform)
        comment = f"weights {list(op.params.weights.shape)}, transformed"
        table = channel_words(channels, op.params.y_zero_point, self.transform)
        arrays = (
            CArray("weights", freeze(packed), comment),
            CArray("channels", freeze(table), "per channel: bias, multiplier, right shift, offset"),
            odd_channels(op.params),
        )
        scratch = 5 * positions * wide + 32 * positions + 8 * edge**2
        walks = square_walk(op.window, x, y, edge) if x[0] == 1 else ()
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=scratch, walks=walks)

    def terms(self) -> Terms:
        """Tiles in twos; those that leave the image are gathered first."""
        op, x, y = self.op, self.shapes.inputs[0], self.shapes.output
        edge, wide = self.transform.edge, round_up(x[3], 4)
        tiles, groups = x[0] * self._tiles(), -(-y[3] // 4)
        whole = x[0] * _whole_tiles(op, x, y, edge) if x[3] == wide else 0
        return {
            "block_codes": self.rounds() * wide,
            "blocks": self.rounds(),
            "long_blocks": self.rounds() * ((wide // 2 - 2) // 15),
            "tile_groups": tiles * groups,
            "tile_codes": tiles * wide,
            "tiles": tiles,
            "gathered_codes": (tiles - whole) * wide,
            "gathered": tiles - whole,
            "odd_tiles": tiles * len(fast_channels(op.params).odd),
            "single_codes": elem_count(y) - x[0] * self._word_codes(),
            "calls": 1,
        }

    def passes(self) -> Mapping[str, int]:
        """All weights for two tiles."""
        return {"weights": self._pairs(), "channels": 2 * self._pairs()}

    def rounds(self) -> int:
        """Sums and codes of four channels of two tiles."""
        return self._pairs() * -(-self.shapes.output[3] // 4)

    def _pairs(self) -> int:
        return self.shapes.output[0] * -(-self._tiles() // 2)

    def _tiles(self) -> int:
        """Of an image."""
        return math.prod(-(-size // self.transform.edge) for size in self.shapes.output[1:3])

    def _word_codes(self) -> int:
        """Outputs of an image that are written four channels at a time: of whole tiles without limits."""
        y, edge = self.shapes.output, self.transform.edge
        if limited(self.op.params, 1):
            return 0
        return math.prod(size // edge * edge for size in y[1:3]) * (y[3] // 4 * 4)


class WinogradConv2x2(_WinogradConv):
    """16 products for the 36 of 2x2 outputs."""

    kernel: ClassVar[str] = "mcuq_conv2d_s8_winograd_2x2"
    transform: ClassVar[Transform] = TWO


class WinogradConv4x4(_WinogradConv):
    """36 products for the 144 of 4x4 outputs."""

    kernel: ClassVar[str] = "mcuq_conv2d_s8_winograd_4x4"
    transform: ClassVar[Transform] = FOUR


def _whole_tiles(op: ConvStep, x: Shape, y: Shape, edge: int) -> int:
    """Tiles of an image whose inputs all lie within it."""
    inside = (
        sum(at - pad >= 0 and at - pad + edge + 2 <= size for at in range(0, out, edge))
        for pad, size, out in zip(op.window.pads[:2], x[1:3], y[1:3], strict=True)
    )
    return math.prod(inside)


def pack_pairs(weights: Int8) -> Int8:
    """`[M, KH, KW, C]` as `[M / 2, KH, row / 4, 8]`: two channels as a0 b0 a2 b2, a1 b1 a3 b3."""
    m, kh, kw, c = weights.shape
    rows: Array = np.zeros((round_up(m, 2), kh, round_up(kw * c, 4)), np.int8)
    rows[:m, :, : kw * c] = weights.reshape(m, kh, kw * c)
    # Code k of four is 2 j + half: the halves 0 and 2 meet in one word, 1 and 3 in the next.
    split = rows.reshape(len(rows) // 2, 2, kh, -1, 2, 2)
    return np.ascontiguousarray(split.transpose(0, 2, 3, 5, 4, 1))


class LinesConv(Variant[ConvStep]):
    """Convolution in any groups, of any window, dilation and scale."""

    kernel: ClassVar[str] = "mcuq_conv2d_s8_lines"
    needs: ClassVar[tuple[str, ...]] = NEEDS

    @property
    def lines(self) -> Lines:
        """What the step is along lines."""
        return find_lines(self.op.window, self.op.params, self.shapes)

    def call(self) -> KernelCall:
        """The lines of all channels of a group at once."""
        return self.lines.call(self.kernel)

    def terms(self) -> Terms:
        return self.lines.terms()


class WideQuadConv(WideToWide, QuadMixedGemmConv):
    """From int16 to int16, weights of four bits."""

    kernel: ClassVar[str] = "mcuq_conv2d_s16_w4_gemm"


class NarrowingQuadConv(WideToNarrow, QuadMixedGemmConv):
    """From int16 to int8, weights of four bits."""

    kernel: ClassVar[str] = "mcuq_conv2d_s16_s8_w4_gemm"


class WideningQuadConv(NarrowToWide, QuadMixedGemmConv):
    """From int8 to int16, weights of four bits."""

    kernel: ClassVar[str] = "mcuq_conv2d_s8_s16_w4_gemm"


class WideGemmConv(WideToWide, MixedGemmConv):
    """From int16 to int16."""

    kernel: ClassVar[str] = "mcuq_conv2d_s16_gemm"


class NarrowingGemmConv(WideToNarrow, MixedGemmConv):
    """From int16 to int8."""

    kernel: ClassVar[str] = "mcuq_conv2d_s16_s8_gemm"


class WideningGemmConv(NarrowToWide, MixedGemmConv):
    """From int8 to int16."""

    kernel: ClassVar[str] = "mcuq_conv2d_s8_s16_gemm"


VARIANTS: tuple[VariantType, ...] = (
    PairedConv,
    QuadConv,
    GemmConv,
    WinogradConv2x2,
    WinogradConv4x4,
    LinesConv,
    WideQuadConv,
    NarrowingQuadConv,
    WideningQuadConv,
    WideGemmConv,
    NarrowingGemmConv,
    WideningGemmConv,
)

"""Depthwise convolutions for DSP cores."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from mcuq.ir.integer import Requant
from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import DType, Int32, Int64, elem_count, freeze
from mcuq.kernels.armv7em.lines import Lines, find_lines
from mcuq.kernels.armv7em.mixed_planes import MixedPlanes
from mcuq.kernels.armv7em.requantize import NEEDS
from mcuq.kernels.armv7em.short_form import ShortForms, short_forms
from mcuq.kernels.armv7em.weighted import (
    clamp_fields,
    contract_refusal,
    fast_channels,
    odd_channels,
)
from mcuq.kernels.armv7em.wide_3x3 import PairedPlanes
from mcuq.kernels.fields import Fields, round_up, window_fields
from mcuq.kernels.portable.mixed import NarrowToWide, WideToNarrow, WideToWide
from mcuq.kernels.terms import count_windows, limited
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.kernels.walks import read_meanwhile, tile_walk, window_walk
from mcuq.ops.conv import DepthwiseStep
from mcuq.ops.weighted import WeightedParams

_MAX_DEPTHWISE_TAPS = 50
_CODE_BITS, _MOST_WEIGHT_BITS = 8, 8  # by which codes and weights are shifted left in 16 bits
_MOST_SCALE = 30  # by which sums are shifted left in 32 bits
_TILE_ROW_BYTES = 144  # four channels of 18 pixels in 16 bits


class _FourChannels(Variant[DepthwiseStep]):
    """One filter per channel, four channels in a word.

    Other numbers of channels fall back to slower kernels.
    """

    needs: ClassVar[tuple[str, ...]] = NEEDS
    channel_multiple: ClassVar[int] = 4

    def _channels_refusal(self) -> str | None:
        channels, filters = self.shapes.inputs[0][3], len(self.op.params.weights)
        if filters != channels or channels % 4:
            return f"{channels} channels give {filters}, the kernel takes equal multiples of 4"
        return None


class Depthwise3x3(_FourChannels):
    """Depthwise convolution with windows of 3x3, from tiles of 16 bits, 2 x 2 outputs at a time."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s8_3x3"
    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT8, DType.INT4)

    def refuse(self) -> str | None:
        """3x3 without gaps at stride 1 or 2, channels in fours, and two roundings."""
        window = self.op.window
        if window.kernel != (3, 3) or window.dilations != (1, 1) or window.strides not in ((1, 1), (2, 2)):
            return (
                f"the window is {window.kernel} at strides {window.strides}, dilated by {window.dilations}, "
                "the kernel takes 3x3 at stride 1 or 2 without gaps"
            )
        return self._channels_refusal() or contract_refusal(self.op.params)

    def call(self) -> KernelCall:
        """Channels in the short form if they have one, a tile of rows that fit a tenth of the tensors."""
        op, x, y = self.op, self.shapes.inputs[0], self.shapes.output
        stride = op.window.strides[0]
        band = band_rows(y[1], stride, (elem_count(x) + elem_count(y)) // 10)
        fields: Fields = (
            *zip(("n", "in_h", "in_w", "channels"), x, strict=True),
            *zip(("out_h", "out_w"), y[1:3], strict=True),
            ("stride", stride),
            ("pad_top", op.window.pads[0]),
            ("pad_left", op.window.pads[1]),
            ("band_h", band),
            ("x_zero_point", op.params.x_zero_point),
            *clamp_fields(op.params),
        )
        arrays = (*scaled_channel_arrays(op.params), odd_channels(op.params))
        # A row that is alone is computed as a pair: what its second row would read has room, too.
        rows = _rows_read(max(band, 2), stride)
        walks = tile_walk(op.window, x, y, tile_rows(y[1], band), 16 // stride)
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=_TILE_ROW_BYTES * rows, walks=walks)

    def terms(self) -> Terms:
        """Tiles of 16 / stride columns, read as 16 bits per four channels, 2 x 2 outputs at a time."""
        op, x, y = self.op, self.shapes.inputs[0], self.shapes.output
        stride = op.window.strides[0]
        width = 16 // stride
        cols = [min(width, y[2] - first) for first in range(0, y[2], width)]
        blocks = -(-y[1] // 2) * sum(-(-count // 2) for count in cols)
        rows = (y[1] - 1) * stride + 3
        reads = rows * sum((count - 1) * stride + 3 for count in cols)
        fours = x[0] * x[3] // 4
        mine = f"_stride_{stride}"
        return {
            f"blocks{mine}": fours * blocks,
            f"long_blocks{mine}": x[0] * blocks * self._long(),
            f"block_rows{mine}": fours * len(cols) * -(-y[1] // 2),
            "odd_codes": y[0] * y[1] * y[2] * len(fast_channels(op.params).odd),
            "pixels_read": fours * reads,
            "rows_read": fours * rows * len(cols),
            f"tiles{mine}": fours * len(cols),
            "limited": limited(op.params, elem_count(y)),
            "calls": 1,
        }

    def _long(self) -> int:
        """Channels in the long form."""
        (scale,) = (each.values for each in scaled_channel_arrays(self.op.params) if each.field == "scale")
        return int((scale < 0).sum())

    def passes(self) -> Mapping[str, int]:
        """All weights for a tile."""
        return dict.fromkeys(("weights", "addend", "multiplier", "scale"), self._tiles())

    def rounds(self) -> int:
        """A tile is read, then multiplied, four channels at a time; only odd widths need all of it."""
        _, _, w, channels = self.shapes.output
        return self._tiles() * channels // 4 if w % 2 else 0

    def _tiles(self) -> int:
        x, y = self.shapes.inputs[0], self.shapes.output
        stride = self.op.window.strides[0]
        band = band_rows(y[1], stride, (elem_count(x) + elem_count(y)) // 10)
        return y[0] * -(-y[1] // band) * -(-y[2] * stride // 16)


def _rows_read(rows: int, stride: int) -> int:
    return (rows - 1) * stride + 3


def band_rows(out_h: int, stride: int, room_bytes: int) -> int:
    """Rows of outputs in a tile, at least 2 where the image has more; bands of about equal height.

    Args:
        out_h: rows of outputs.
        stride: 1 or 2.
        room_bytes: what the tile may take.

    >>> band_rows(25, 1, 1600), band_rows(1, 2, 0), band_rows(48, 1, 10_000), band_rows(20, 1, 1600)
    (9, 1, 48, 8)
    """
    fits = max((room_bytes // _TILE_ROW_BYTES - 3) // stride + 1, 2)
    if fits >= out_h:
        return out_h
    bands = -(-out_h // fits)
    return min(round_up(-(-out_h // bands), 2), fits)


def tile_rows(out_h: int, band: int) -> list[int]:
    """Rows of each tile from the top; they are computed in pairs, an odd one only at the end.

    >>> tile_rows(25, 9), tile_rows(3, 3)
    ([8, 8, 9], [3])
    """
    rows: list[int] = []
    while (left := out_h - sum(rows)) > band:
        rows.append(band // 2 * 2)
    return [*rows, left]


def scaled_channel_arrays(params: WeightedParams) -> tuple[CArray, ...]:
    """Weights as they are, and what the products of weights and codes times 256 need per channel."""
    channels = fast_channels(params)
    short = short_forms(channels.simple, 1, _CODE_BITS, _CODE_BITS + _MOST_WEIGHT_BITS)
    is_short = short.scale > 0
    addend = np.where(is_short, short.addend, 2 * channels.bias.astype(np.int64))
    multiplier = np.where(is_short, short.multiplier, channels.multiplier)
    scale = np.where(is_short, short.scale - _CODE_BITS, -channels.right.astype(np.int64))
    return (
        CArray("weights", freeze(channels.weights.reshape(-1)), "weights"),
        CArray("addend", freeze(addend, "int32"), "addends, or twice the biases, zero points folded in"),
        CArray("multiplier", freeze(multiplier, "int32"), "multipliers"),
        CArray("scale", freeze(scale, "int8"), "scales of weights, or less the right shifts"),
    )


class DspDepthwise(Variant[DepthwiseStep]):
    """Depthwise convolution of any window, four channels at a time."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s8_dsp"
    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT8, DType.INT4)
    needs: ClassVar[tuple[str, ...]] = NEEDS
    channel_multiple: ClassVar[int] = 4

    def refuse(self) -> str | None:
        """One filter per channel, four channels and up to 50 taps, and two roundings."""
        taps = self.op.window.kernel[0] * self.op.window.kernel[1]
        if taps > _MAX_DEPTHWISE_TAPS:
            return f"the window has {taps} taps, the kernel takes up to {_MAX_DEPTHWISE_TAPS}"
        channels, filters = self.shapes.inputs[0][3], len(self.op.params.weights)
        if filters != channels or channels < 4:
            return f"{channels} channels give {filters}, the kernel takes equal numbers from 4 on"
        return contract_refusal(self.op.params)

    def call(self) -> KernelCall:
        """What four channels need, one after the other."""
        op, x, y = self.op, self.shapes.inputs[0], self.shapes.output
        fields: Fields = (
            *zip(("n", "in_h", "in_w", "channels"), x, strict=True),
            *zip(("out_h", "out_w"), y[1:3], strict=True),
            *window_fields(op.window, with_dilation=True),
            ("x_zero_point", op.params.x_zero_point),
            *clamp_fields(op.params),
        )
        about = "per four: sums, weights, form, multipliers, addends"
        packed = CArray("packed", pack_fours(op.params), about)
        walks = window_walk(op.window, x, y, lane=x[3])
        if x[3] % 4 or fast_channels(op.params).odd:
            # Channels are computed once more after they have been written.
            walks = tuple(read_meanwhile(each) for each in window_walk(op.window, x, y))
        arrays = (packed, odd_channels(op.params))
        return KernelCall(self.kernel, fields, arrays, walks=walks)

    def terms(self) -> Terms:
        """Four channels of a pixel at a time; windows inside the image share the places of taps."""
        op, x, y = self.op, self.shapes.inputs[0], self.shapes.output
        taps = op.window.kernel[0] * op.window.kernel[1]
        windows, cut, inside = (x[0] * count for count in count_windows(op.window, x, y))
        whole = (windows - cut) * taps
        fours, odd = len(_fours(y[3])), windows * len(fast_channels(op.params).odd)
        return {
            "taps": fours * whole,
            "cut_taps": fours * (inside - whole),
            "fours": fours * windows,
            "long_fours": windows * int((_short_fours(op.params)[1].scale[::4] == 0).sum()),
            "places": inside - whole,
            "cut_pixels": cut,
            "pixels": windows,
            "odd_codes": odd,
            "odd_products": odd * taps,
            "limited": limited(op.params, elem_count(y)),
            "calls": 1,
        }

    def passes(self) -> Mapping[str, int]:
        """All of it for a pixel."""
        n, h, w, _ = self.shapes.output
        return {"packed": n * h * w}


def _fours(channels: int) -> Int64:
    """Channels of each four, `[fours, 4]`; the last ones are the last of all.

    >>> _fours(6).tolist()
    [[0, 1, 2, 3], [2, 3, 4, 5]]
    """
    firsts = np.minimum(np.arange(0, channels, 4), channels - 4)
    return firsts[:, None] + np.arange(4)


def _fours_params(params: WeightedParams) -> WeightedParams:
    """Parameters that suit a fast form, of the channels of all fours."""
    simple = fast_channels(params).simple
    rows = _fours(len(params.bias)).reshape(-1)
    multiplier, shift = (each[rows] for each in simple.requant.arrays)
    scales = Requant(tuple(multiplier.tolist()), tuple(shift.tolist()), simple.requant.rounding)
    weights, bias = freeze(simple.weights[rows]), freeze(simple.bias[rows])
    return dataclasses.replace(simple, weights=weights, bias=bias, requant=scales)


@functools.lru_cache(maxsize=16)
def _short_fours(params: WeightedParams) -> tuple[WeightedParams, ShortForms]:
    """Parameters that suit a fast form, of the channels of all fours, and their short forms."""
    simple = fast_channels(params).simple
    rows = _fours(len(params.bias)).reshape(-1)
    multiplier, shift = (each[rows] for each in simple.requant.arrays)
    scales = Requant(tuple(multiplier.tolist()), tuple(shift.tolist()), simple.requant.rounding)
    weights, bias = freeze(simple.weights[rows]), freeze(simple.bias[rows])
    fours = dataclasses.replace(simple, weights=weights, bias=bias, requant=scales)
    return fours, short_forms(fours, 4, 1, _MOST_SCALE)


def pack_fours(params: WeightedParams) -> Int32:
    """What mcuq_depthwise_conv2d_s8_dsp.h calls packed, `[fours * (17 + taps)]`."""
    fours, short = _short_fours(params)
    multiplier, shift = fours.requant.arrays
    is_short = short.scale > 0
    offset = (1 << (-shift - 1)) + (fours.y_zero_point << -shift)
    form = (-shift.reshape(-1, 4) << np.arange(0, 32, 8)).sum(axis=1)
    taps = np.ascontiguousarray(fours.weights.reshape(len(form), 4, -1).swapaxes(1, 2))
    begin = np.where(is_short, 0, fours.folded_bias.astype(np.int64))
    # Taps outside the image, which centred sums leave out, are the zero point.
    lacking = fours.x_zero_point * fours.weights.astype(np.int64).reshape(len(begin), -1).sum(axis=1)
    words = (
        begin.reshape(-1, 4),
        (begin + lacking).reshape(-1, 4),
        taps.reshape(len(form), -1).view(np.int32),
        np.where(is_short[::4], short.scale[::4] - 2**31, form)[:, None],
        np.where(is_short, short.multiplier, multiplier).reshape(-1, 4),
        np.where(is_short, short.addend, offset).reshape(-1, 4),
    )
    return freeze(np.concatenate(words, axis=1).reshape(-1), "int32")


class LinesDepthwise(Variant[DepthwiseStep]):
    """Depthwise convolution of any window, multiplier, scale and number of channels."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s8_lines"
    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT8, DType.INT4)
    needs: ClassVar[tuple[str, ...]] = NEEDS

    @property
    def lines(self) -> Lines:
        """What the step is along lines."""
        return find_lines(self.op.window, self.op.params, self.shapes)

    def call(self) -> KernelCall:
        """As a convolution in groups of one channel."""
        return self.lines.call(self.kernel)

    def terms(self) -> Terms:
        return self.lines.terms()


class WideDepthwise3x3(WideToWide, PairedPlanes):
    """From int16 to int16, windows of 3x3."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s16_3x3"


class WidePlanes(WideToWide, MixedPlanes):
    """From int16 to int16."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s16_planes"


class NarrowingPlanes(WideToNarrow, MixedPlanes):
    """From int16 to int8."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s16_s8_planes"


class WideningPlanes(NarrowToWide, MixedPlanes):
    """From int8 to int16."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s8_s16_planes"


VARIANTS: tuple[VariantType, ...] = (
    Depthwise3x3,
    DspDepthwise,
    LinesDepthwise,
    WideDepthwise3x3,
    WidePlanes,
    NarrowingPlanes,
    WideningPlanes,
)

"""Kernels for cores with DSP instructions (Armv7E-M, Armv8-M with DSP): two products per instruction."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import Array, Int8, elem_count, freeze
from mcuq.kernels.dsp_requant import DspChannels, dsp_channels, scale_refusal
from mcuq.kernels.variant import AnyVariant, Site, Variant
from mcuq.ops.arithmetic import AddStep
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window

Fields = tuple[tuple[str, int], ...]
_MAX_DEPTHWISE_TAPS = 26


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _channels(params: WeightedParams) -> DspChannels:
    found = dsp_channels(params)
    assert not isinstance(found, str), found
    return found


def _refusal(params: WeightedParams) -> str | None:
    found = dsp_channels(params)
    return found if isinstance(found, str) else None


def _arrays(channels: DspChannels, packed: Int8, comment: str) -> tuple[CArray, ...]:
    return (
        CArray("weights", freeze(packed.reshape(-1)), comment),
        CArray("bias", freeze(channels.bias), "bias, the input's zero point folded in"),
        CArray("multiplier", freeze(channels.multiplier), "multipliers"),
        CArray("right", freeze(channels.right), "right shifts"),
    )


def _clamp_fields(params: WeightedParams) -> Fields:
    return (("y_zero_point", params.y_zero_point), ("lo", params.lo), ("hi", params.hi))


def _window_fields(window: Window, with_dilation: bool) -> Fields:
    (kh, kw), (sh, sw), (dh, dw) = window.kernel, window.strides, window.dilations
    fields: Fields = (("kernel_h", kh), ("kernel_w", kw), ("stride_h", sh), ("stride_w", sw))
    if with_dilation:
        fields += (("dilation_h", dh), ("dilation_w", dw))
    return (*fields, ("pad_top", window.pads[0]), ("pad_left", window.pads[1]))


class GemmConv(Variant[ConvStep]):
    """Convolution as a matrix product, 2 output channels by 4 pixels at a time."""

    kernel: ClassVar[str] = "mcuq_conv2d_s8_gemm"
    step_op = ConvStep

    def refuse(self, op: ConvStep, site: Site) -> str | None:
        """Dense, not dilated, and every channel within the shortcut's conditions."""
        if op.groups != 1:
            return f"it has {op.groups} groups, the kernel takes dense convolutions"
        if op.window.dilations != (1, 1):
            return f"it is dilated by {op.window.dilations}, the kernel takes windows without gaps"
        return _refusal(op.params)

    def call(self, op: ConvStep, site: Site) -> KernelCall:
        """Rows of the window filled up to a multiple of 4, two channels interleaved."""
        x, y = site.inputs[0], site.output
        channels = _channels(op.params)
        packed = pack_pairs(channels.weights)
        row = _up(op.window.kernel[1] * x[3], 4)
        fields: Fields = (
            *zip(("n", "in_h", "in_w", "in_c"), x, strict=True),
            *zip(("out_h", "out_w", "out_c"), y[1:], strict=True),
            *_window_fields(op.window, with_dilation=False),
            ("row_c", row),
            ("x_zero_point", op.params.x_zero_point),
            *_clamp_fields(op.params),
        )
        arrays = _arrays(
            channels, packed, f"weights {list(op.params.weights.shape)}, two channels interleaved"
        )
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=(8 * op.window.kernel[0] + 1) * row)


def pack_pairs(weights: Int8) -> Int8:
    """`[M, KH, KW, C]` as `[M / 2, KH, row / 4, 8]`: two channels as a0 b0 a2 b2, a1 b1 a3 b3."""
    m, kh, kw, c = weights.shape
    rows: Array = np.zeros((_up(m, 2), kh, _up(kw * c, 4)), np.int8)
    rows[:m, :, : kw * c] = weights.reshape(m, kh, kw * c)
    # Code k of four is 2 j + half: the halves 0 and 2 meet in one word, 1 and 3 in the next.
    split = rows.reshape(len(rows) // 2, 2, kh, -1, 2, 2)
    return np.ascontiguousarray(split.transpose(0, 2, 3, 5, 4, 1))


class DspDepthwise(Variant[DepthwiseStep]):
    """Depthwise convolution, four channels at a time."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s8_dsp"
    step_op = DepthwiseStep

    def refuse(self, op: DepthwiseStep, site: Site) -> str | None:
        """One filter per channel, channels in fours, and the shortcut's conditions."""
        channels, taps = site.inputs[0][3], op.window.kernel[0] * op.window.kernel[1]
        if len(op.params.weights) != channels or channels % 4:
            return f"{channels} channels give {len(op.params.weights)}, the kernel takes equal multiples of 4"
        if taps > _MAX_DEPTHWISE_TAPS:
            return f"the window has {taps} taps, the kernel takes up to {_MAX_DEPTHWISE_TAPS}"
        return _refusal(op.params)

    def call(self, op: DepthwiseStep, site: Site) -> KernelCall:
        """Four channels by two taps in eight bytes."""
        x, y = site.inputs[0], site.output
        channels = _channels(op.params)
        fields: Fields = (
            *zip(("n", "in_h", "in_w", "channels"), x, strict=True),
            *zip(("out_h", "out_w"), y[1:3], strict=True),
            *_window_fields(op.window, with_dilation=True),
            ("x_zero_point", op.params.x_zero_point),
            *_clamp_fields(op.params),
        )
        arrays = _arrays(channels, pack_taps(channels.weights), "weights, four channels by two taps")
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=x[3])


def pack_taps(weights: Int8) -> Int8:
    """`[M, KH, KW, 1]` as `[M / 4, taps / 2, 8]`: channels a to d at taps t, u: at bt au bu, ct dt cu du."""
    m = len(weights)
    taps = weights.reshape(m, -1)
    even: Array = np.zeros((m, _up(taps.shape[1], 2)), np.int8)
    even[:, : taps.shape[1]] = taps
    split = even.reshape(m // 4, 2, 2, -1, 2)  # group, pair of channels, channel, pair of taps, tap
    return np.ascontiguousarray(split.transpose(0, 3, 1, 4, 2))


class DspLinear(Variant[LinearStep]):
    """Fully connected, four outputs share the expanded input."""

    kernel: ClassVar[str] = "mcuq_linear_s8_dsp"
    step_op = LinearStep

    def refuse(self, op: LinearStep, site: Site) -> str | None:
        """The shortcut's conditions."""
        return _refusal(op.params)

    def call(self, op: LinearStep, site: Site) -> KernelCall:
        """Four channels interleaved, the input's length filled up to a multiple of 8."""
        channels = _channels(op.params)
        m, k = op.params.weights.shape
        wide = _up(k, 8)
        fields: Fields = (
            ("rows", elem_count(site.inputs[0][:-1])),
            ("in_c", k),
            ("wide_c", wide),
            ("out_c", m),
            *_clamp_fields(op.params),
        )
        arrays = _arrays(
            channels, pack_fours(channels.weights), f"weights {[m, k]}, four channels interleaved"
        )
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=2 * wide)


def pack_fours(weights: Int8) -> Int8:
    """`[M, K]` as `[M / 4, K / 4, 16]`: a0 b0 a2 b2, c0 d0 c2 d2, a1 b1 a3 b3, c1 d1 c3 d3."""
    m, k = weights.shape
    wide: Array = np.zeros((_up(m, 4), _up(k, 8)), np.int8)
    wide[:m, :k] = weights
    split = wide.reshape(len(wide) // 4, 2, 2, -1, 2, 2)  # group, pair, channel, four, j, half
    return np.ascontiguousarray(split.transpose(0, 3, 5, 1, 4, 2))


class TableAdd(Variant[AddStep]):
    """Addition of equal shapes from two tables."""

    kernel: ClassVar[str] = "mcuq_add_s8_table"
    step_op = AddStep
    min_count: ClassVar[int] = 512  # below, the tables cost more flash than they are worth

    def refuse(self, op: AddStep, site: Site) -> str | None:
        """Equal shapes, enough elements, and the shortcut's conditions."""
        if len({*site.inputs, site.output}) > 1:
            return f"the shapes differ: {', '.join(map(str, site.inputs))}"
        if elem_count(site.output) < self.min_count:
            return f"{elem_count(site.output)} elements are too few for two tables of 1 KiB"
        if max(abs(int(op.operand_table(i)[j])) for i in (0, 1) for j in (0, -1)) >= 2**29:
            return "the operands' sums reach 2^30"
        return scale_refusal(op.y_requant)

    def call(self, op: AddStep, site: Site) -> KernelCall:
        """Twice what each code of an operand adds: the doubling that the product needs is done."""
        fields: Fields = (
            ("count", elem_count(site.output)),
            ("multiplier", op.y_requant.multiplier[0]),
            ("right", -op.y_requant.shift[0]),
            ("y_zero_point", op.y_zero_point),
            ("lo", op.lo),
            ("hi", op.hi),
        )
        arrays = tuple(
            CArray(
                f"{name}_table", freeze(2 * op.operand_table(index), "int32"), f"twice the addends of {name}"
            )
            for index, name in enumerate("ab")
        )
        return KernelCall(self.kernel, fields, arrays)


ARMV7EM: tuple[AnyVariant, ...] = (GemmConv(), DspDepthwise(), DspLinear(), TableAdd())

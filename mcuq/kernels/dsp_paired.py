"""Weights of two channels in one halfword: when that is exact, and how kernels read it.

A halfword holds `256 b + a` of channels a and b. A product with the whole sums up `T = 256 B + A` modulo
2^32, one with its low byte `A`; then `B = (T - A) / 256`, exact while B, its bias included, lies in
[-2^23, 2^23).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import Array, Int8, elem_count, freeze
from mcuq.kernels.dsp_requant import DspChannels, dsp_channels
from mcuq.kernels.dsp_weighted import Fields, exact_channels, round_up, small_refusal, window_fields
from mcuq.kernels.variant import StepShapes, Variant
from mcuq.ops.conv import ConvStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.weighted import WeightedParams

_LIMIT = 2**23


def paired_refusal(params: WeightedParams) -> str | None:
    """Why the second channels of pairs cannot be told from the first, or None."""
    channels = dsp_channels(params)
    if isinstance(channels, str):
        return channels
    if params.weights.min() < -127:
        return "a weight is -128, two channels then do not fit into a halfword"
    weights = channels.weights.reshape(len(channels.weights), -1).astype(np.int64)
    # Codes are -128 to 127; the input's zero point is in the bias.
    high = np.maximum(127 * weights, -128 * weights).sum(axis=1) + channels.bias
    low = np.minimum(127 * weights, -128 * weights).sum(axis=1) + channels.bias
    bad = np.flatnonzero((high >= _LIMIT) | (low < -_LIMIT))
    bad = bad[bad % 2 == 1]
    if len(bad):
        reached = max(high[bad[0]], -low[bad[0]])
        return f"the sums of channel {bad[0]} reach {reached}, the kernel takes up to 2^23"
    return None


def paired_arrays(channels: DspChannels, packed: Int8, y_zero_point: int, comment: str) -> tuple[CArray, ...]:
    """Packed weights, and parameters as the kernels read them."""
    return (
        CArray("weights", freeze(packed), comment),
        CArray(
            "channels",
            freeze(pack_channels(channels, y_zero_point)),
            "per four channels: biases as a, 256 b + a, c, 256 d + c; then multiplier and offset of each",
        ),
    )


def pack_paired(weights: Int8, group: int) -> Int8:
    """`[M, K]` as halfwords `[M / group, K / 4, parity, group / 2, half]`: codes 0, 2 of four before 1, 3.

    M is filled up to a multiple of the group, K to one of 4.
    """
    m, k = weights.shape
    wide: Array = np.zeros((round_up(m, group), round_up(k, 4)), np.int16)
    wide[:m, :k] = weights
    halves = 256 * wide[1::2] + wide[0::2]
    split = halves.reshape(
        len(wide) // group, group // 2, round_up(k, 4) // 4, 2, 2
    )  # group, pair, four, half, parity
    packed = np.ascontiguousarray(split.transpose(0, 2, 4, 1, 3)).astype("<i2")
    return packed.reshape(-1).view(np.int8)


def pack_channels(channels: DspChannels, y_zero_point: int) -> Array:
    """Int32 `[M / 4, 12]`; channels of zeros fill up the last four."""
    m = len(channels.bias)
    table: Array = np.zeros((3, round_up(m, 4)), np.int64)
    right = channels.right.astype(np.int64)
    table[0, :m] = channels.bias
    table[1, :m] = channels.multiplier
    table[2] = 1
    table[2, :m] = (1 << (right - 1)) + (y_zero_point << right)
    bias = table[0].copy()
    bias[1::2] = 256 * bias[1::2] + bias[0::2]
    groups = np.concatenate([bias.reshape(-1, 4), table[1:].T.reshape(-1, 8)], axis=1)
    # Sums are taken modulo 2^32.
    wrapped: Array = groups.astype(np.uint32).view(np.int32).reshape(-1)
    return wrapped


class PairedConv(Variant[ConvStep]):
    """Convolution as a matrix product, 4 output channels by 2 pixels at a time."""

    kernel: ClassVar[str] = "mcuq_conv2d_s8_paired"
    step_op = ConvStep

    def refuse(self, op: ConvStep, site: StepShapes) -> str | None:
        """Dense, not dilated, and every channel within the bounds of pairs and of the shortcut."""
        if op.groups != 1:
            return f"it has {op.groups} groups, the kernel takes dense convolutions"
        if op.window.dilations != (1, 1):
            return f"it is dilated by {op.window.dilations}, the kernel takes windows without gaps"
        return paired_refusal(op.params)

    def call(self, op: ConvStep, site: StepShapes) -> KernelCall:
        """All rows of the window in one, filled up to a multiple of 4."""
        x, y = site.inputs[0], site.output
        row = op.window.kernel[1] * x[3]
        wide = round_up(op.window.kernel[0] * row, 4)
        window = window_fields(op.window, with_dilation=False)
        fields: Fields = (
            *zip(("n", "in_h", "in_w", "in_c"), x, strict=True),
            *zip(("out_h", "out_w", "out_c"), y[1:], strict=True),
            *window[:2],
            ("row_c", row),
            ("wide_c", wide),
            *window[2:],
            ("x_zero_point", op.params.x_zero_point),
            ("lo", op.params.lo),
            ("hi", op.params.hi),
        )
        comment = f"weights {list(op.params.weights.shape)}, two channels in a halfword"
        channels = exact_channels(op.params)
        packed = pack_paired(channels.weights.reshape(y[3], -1), 4)
        arrays = paired_arrays(channels, packed, op.params.y_zero_point, comment)
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=5 * wide + 16)


class PairedLinear(Variant[LinearStep]):
    """Fully connected, 8 outputs at a time share the expanded input."""

    kernel: ClassVar[str] = "mcuq_linear_s8_paired"
    step_op = LinearStep

    def refuse(self, op: LinearStep, site: StepShapes) -> str | None:
        """Enough products, and every channel within the bounds of pairs and of the shortcut."""
        return small_refusal(op) or paired_refusal(op.params)

    def call(self, op: LinearStep, site: StepShapes) -> KernelCall:
        """Eights of channels, then fours; the input's length filled up to a multiple of 4."""
        channels = exact_channels(op.params)
        m, k = op.params.weights.shape
        wide = round_up(k, 4)
        fields: Fields = (
            ("rows", elem_count(site.inputs[0][:-1])),
            ("in_c", k),
            ("wide_c", wide),
            ("out_c", m),
            ("lo", op.params.lo),
            ("hi", op.params.hi),
        )
        eights = m // 8 * 8
        packed = np.concatenate(
            [pack_paired(channels.weights[:eights], 8), pack_paired(channels.weights[eights:], 4)]
        )
        comment = f"weights {[m, k]}, two channels in a halfword"
        arrays = paired_arrays(channels, packed, op.params.y_zero_point, comment)
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=2 * wide)

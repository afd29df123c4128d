"""Weights of two channels in one halfword: when that is exact, and how kernels read it.

A halfword holds `256 b + a` of channels a and b. A product with the whole sums up `T = 256 B + A` modulo
2^32, one with its low byte `A`; then `B = (T - A) / 256`, exact while B, its bias included, lies in
[-2^23, 2^23).
"""

from __future__ import annotations

import numpy as np

from mcuq.ir.plan import CArray
from mcuq.ir.types import Array, Int8, freeze
from mcuq.kernels.armv7em.requantize import DspChannels, dsp_channels
from mcuq.kernels.fields import round_up
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

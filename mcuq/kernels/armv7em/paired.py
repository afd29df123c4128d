"""Weights of two channels in one halfword: when that is exact, and how kernels read it.

A halfword holds `256 b + a` of channels a and b. A product with the whole sums up `T = 256 B + A` modulo
2^32, one with its low byte `A`; then `B = (T - A) / 256`, exact while B, without bias, lies in [-2^23, 2^23).
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from mcuq.ir.plan import CArray
from mcuq.ir.types import Array, Int8, freeze
from mcuq.kernels.armv7em.requantize import dsp_channels
from mcuq.kernels.armv7em.short_form import short_forms, sum_bounds
from mcuq.kernels.armv7em.weighted import exact_channels
from mcuq.kernels.fields import round_up
from mcuq.ops.weighted import WeightedParams

_LIMIT = 2**23
# Sums of second channels are shifted left by 8 to begin with; more than 20 leave no bits for a sum.
_LEAST_SCALE, _MOST_SCALE = 8, 20


def paired_refusal(params: WeightedParams) -> str | None:
    """Why the second channels of pairs cannot be told from the first, or None."""
    channels = dsp_channels(params)
    if isinstance(channels, str):
        return channels
    if params.weights.min() < -127:
        return "a weight is -128, two channels then do not fit into a halfword"
    low, high = sum_bounds(channels.simple)
    bad = np.flatnonzero((high >= _LIMIT) | (low < -_LIMIT))
    bad = bad[bad % 2 == 1]
    if len(bad):
        reached = max(high[bad[0]], -low[bad[0]])
        return f"the sums of channel {bad[0]} reach {reached}, the kernel takes up to 2^23"
    return None


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class PairedChannels:
    """What kernels of pairs read per channel.

    Args:
        words: int32, nine or thirteen per four channels as `mcuq_gemm_paired.h` says; channels of zeros fill
            up the last four.
        starts: where each four begin.
        long: how many fours take the long form.
    """

    words: Array
    starts: tuple[int, ...]
    long: int

    def arrays(self, packed: Int8, comment: str) -> tuple[CArray, ...]:
        """Packed weights, and these words."""
        about = (
            "per four: scale, then multiplier and addend of each; or 0, twice the bias, multiplier, offset"
        )
        return CArray("weights", freeze(packed), comment), CArray("channels", freeze(self.words), about)

    def last(self, whole: int) -> int:
        """Where the words of channels behind `whole` fours begin; 0 where there are none."""
        return self.starts[whole] if whole < len(self.starts) else 0


@functools.lru_cache(maxsize=16)
def paired_channels(params: WeightedParams) -> PairedChannels:
    """In the short form where all of four channels have one."""
    channels = exact_channels(params)
    short = short_forms(channels.simple, 4, _LEAST_SCALE, _MOST_SCALE)
    words: list[int] = []
    starts: list[int] = []
    for first in range(0, len(channels.bias), 4):
        starts.append(len(words))
        four = slice(first, first + 4)
        if short.scale[first]:
            each = np.stack([short.multiplier[four], short.addend[four]], axis=1)
            filler = [0, 0]
        else:
            right = channels.right[four].astype(np.int64)
            offset = (1 << (right - 1)) + (params.y_zero_point << right)
            each = np.stack(
                [2 * channels.bias[four].astype(np.int64), channels.multiplier[four], offset], axis=1
            )
            filler = [0, 0, 1]
        words += [int(short.scale[first]), *each.reshape(-1).tolist(), *filler * (4 - len(each))]
    long = sum(words[start] == 0 for start in starts)
    return PairedChannels(freeze(np.array(words), "int32"), tuple(starts), long)


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

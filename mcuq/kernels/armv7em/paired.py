"""Weights of two channels in one halfword: when that is exact, and how kernels read it.

A halfword holds `256 b + a` of channels a and b. A product with the whole sums up `T = 256 B + A` modulo
2^32, one with its low byte `A`; then `B = (T - A) / 256`, exact while B, without bias, lies in [-2^23, 2^23).

Four channels of which one does not keep to that, or to the shortcut's conditions, are *odd*: kernels take
their sums out, of as many parts as keep B within its bounds, add them up and requantize each as it needs.
Where b = -128 meets a negative a, the halfword holds b = -127 and the product that is missing is subtracted.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from mcuq.ir.plan import CArray
from mcuq.ir.types import Array, Int8, Int64, freeze
from mcuq.kernels.armv7em.requantize import MAX_RIGHT, MIN_RIGHT, shortcut_rights
from mcuq.kernels.armv7em.short_form import short_forms
from mcuq.kernels.armv7em.weighted import fast_channels
from mcuq.kernels.fields import round_up
from mcuq.ops.weighted import WeightedParams

_LIMIT = 2**23
# Sums of second channels are shifted left by 8 to begin with; more than 20 leave no bits for a sum.
_LEAST_SCALE, _MOST_SCALE = 8, 20


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class PairedChannels:
    """What kernels of pairs read per channel.

    Args:
        words: int32, per four channels as `mcuq_gemm_paired.h` says; channels of zeros fill up the last four.
        starts: where each four begin.
        weights: int8 `[M, K]`, which fit into halfwords.
        long: how many fours take the long form.
        odd: of each four, in how many parts their sums are taken out; 0 where they have a form.
    """

    words: Array
    starts: tuple[int, ...]
    weights: Int8
    long: int
    odd: tuple[int, ...]

    @property
    def has_odd(self) -> int:
        """For structs: whether any four are odd."""
        return int(any(self.odd))

    def arrays(self, packed: Int8, comment: str) -> tuple[CArray, ...]:
        """Packed weights, and these words."""
        about = (
            "per four: scale, then multiplier and addend of each; or 0, twice the bias, multiplier, offset; "
            "or their number, negative, for fours by themselves"
        )
        return CArray("weights", freeze(packed), comment), CArray("channels", freeze(self.words), about)

    def last(self, whole: int) -> int:
        """Where the words of channels behind `whole` fours begin; 0 where there are none."""
        return self.starts[whole] if whole < len(self.starts) else 0


@functools.lru_cache(maxsize=16)
def paired_channels(params: WeightedParams) -> PairedChannels:
    """In the short form where all of four channels have one, otherwise in the long one or by themselves."""
    channels = fast_channels(params)
    short = short_forms(channels.simple, 4, _LEAST_SCALE, _MOST_SCALE)
    weights, missing = _fitting(channels.weights.reshape(len(channels.bias), -1))
    words: list[int] = []
    starts: list[int] = []
    odd: list[int] = []
    for first in range(0, len(channels.bias), 4):
        starts.append(len(words))
        four = slice(first, first + 4)
        codes = _part_codes(weights[four])
        is_odd = bool({*range(first, first + 4)} & {*channels.odd}) or missing[four].any()
        odd.append(-(-weights.shape[1] // codes) if is_odd or codes < weights.shape[1] else 0)
        if odd[-1]:
            words += _odd_words(params, four, codes, missing[four])
        elif short.scale[first]:
            each = np.stack([short.multiplier[four], short.addend[four]], axis=1)
            words += _words(int(short.scale[first]), each, [0, 0])
        else:
            right = channels.right[four].astype(np.int64)
            offset = (1 << (right - 1)) + (params.y_zero_point << right)
            doubled = 2 * channels.bias[four].astype(np.int64)
            words += _words(0, np.stack([doubled, channels.multiplier[four], offset], axis=1), [0, 0, 1])
    long = sum(words[start] == 0 for start in starts)
    return PairedChannels(freeze(np.array(words), "int32"), tuple(starts), freeze(weights), long, tuple(odd))


def _words(first: int, each: Int64, filler: list[int]) -> list[int]:
    return [first, *each.reshape(-1).tolist(), *filler * (4 - len(each))]


def _odd_words(params: WeightedParams, four: slice, codes: int, missing: Array) -> list[int]:
    """Of four odd channels: part, zero point, what requantizes each, and the products that are missing."""
    right = shortcut_rights(params)[four].astype(np.int64)
    short = np.where(right > MAX_RIGHT, MIN_RIGHT, right)  # no offset is read of others
    offset = (1 << (short - 1)) + (params.y_zero_point << short)
    multiplier = params.requant.arrays[0][four]
    each = np.stack([params.folded_bias[four], multiplier, right, offset], axis=1)
    channel, code = np.nonzero(missing)
    words = [codes, *_words(params.y_zero_point, each, [0, 0, 1, 0]), *(4 * code + channel).tolist()]
    return [-len(words) - 1, *words]


def _fitting(weights: Int8) -> tuple[Int8, Array]:
    """Weights `[M, K]` that fit into halfwords, and where 1 was added to one of a second channel."""
    missing = np.zeros(weights.shape, bool)
    seconds = weights[1::2]
    missing[1::2] = (seconds == -128) & (weights[: 2 * len(seconds) : 2] < 0)
    return (weights + missing).astype(np.int8), missing


def _part_codes(weights: Int8) -> int:
    """How many codes, a multiple of 4, keep the sums of second channels of `[4, K]` within their bounds."""
    k = weights.shape[1]
    seconds = weights[1::2].astype(np.int64)
    least, most = np.minimum(127 * seconds, -128 * seconds), np.maximum(127 * seconds, -128 * seconds)
    for parts in range(1, k + 1):
        # A multiple of 16 is read in whole loops.
        codes = round_up(-(-k // parts), 16 if parts > 1 else 4)
        starts = np.arange(0, k, codes)
        low, high = (np.add.reduceat(each, starts, axis=1) for each in (least, most))
        if low.min(initial=0) >= -_LIMIT and high.max(initial=0) < _LIMIT:
            break
    return codes


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

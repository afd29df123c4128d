"""What kernels for DSP cores share whose input or output is int16."""

from __future__ import annotations

import itertools

import numpy as np

from mcuq.ir.plan import CArray
from mcuq.ir.types import Array, DType, Int8, freeze
from mcuq.kernels.armv7em.requantize import MAX_RIGHT, shortcut_rights
from mcuq.kernels.fields import Fields, round_up
from mcuq.kernels.portable.weighted import code_fields
from mcuq.ops.accumulator import Accumulator
from mcuq.ops.weighted import WeightedParams

# Smallest and largest code that one instruction limits values of int16 to.
FAST_LIMITS = ((-32768, 32767), (0, 32767))


def long_refusal(params: WeightedParams) -> str | None:
    """Why sums are not for instructions that add up in 32 bits, or None."""
    if params.accumulator is Accumulator.INT64:
        return "its sums may need 64 bits, the kernel adds up in 32"
    return None


def pairs_refusal(params: WeightedParams, channels: int) -> str | None:
    """Why a depthwise convolution of so many channels is not computed two of them at a time, or None."""
    filters = len(params.weights)
    if filters != channels or channels % 2:
        return f"{channels} channels give {filters}, the kernel takes equal multiples of 2"
    return long_refusal(params)


def end_fields(params: WeightedParams) -> Fields:
    """Zero points, limits, and whether codes need more than an instruction that limits them."""
    return (*code_fields(params), ("is_slow", int(not has_fast_end(params))))


def has_fast_end(params: WeightedParams) -> bool:
    """Whether an instruction limits codes, to int16 or to those from 0 on."""
    return params.y_type is DType.INT16 and (params.lo, params.hi) in FAST_LIMITS


def is_fast(params: WeightedParams) -> Array:
    """Whose sums are requantized in few instructions, `[out_c]`."""
    return shortcut_rights(params) <= MAX_RIGHT


def channel_words(params: WeightedParams, multiple: int) -> CArray:
    """Bias, multiplier, right shift and half a step of each channel, filled up with channels of zeros."""
    right = shortcut_rights(params).astype(np.int64)
    half = np.where(right <= MAX_RIGHT, 1 << (np.minimum(right, MAX_RIGHT) - 1), 0)
    words: Array = np.zeros((round_up(len(right), multiple), 4), np.int64)
    words[:, 2] = 1
    words[: len(right)] = np.stack([params.folded_bias, params.requant.arrays[0], right, half], axis=1)
    return CArray(
        "channels", freeze(words.reshape(-1), "int32"), "per channel: bias, multiplier, right shift, half"
    )


def doubled_bias(channels: CArray) -> CArray:
    """The words of channels, with twice the bias where a channel is fast."""
    words = channels.values.astype(np.int64).reshape(-1, 4)
    words[:, 0] *= np.where(words[:, 2] <= MAX_RIGHT, 2, 1)
    return CArray(channels.field, freeze(words.reshape(-1), "int32"), channels.comment)


def fast_runs(params: WeightedParams, group: int, has_part: bool = True) -> CArray:
    """How many groups of channels are fast, how many behind them slow, again how many fast, to the end.

    Args:
        params: of the layer.
        group: channels of a group.
        has_part: whether a group that has fewer may be fast.
    """
    fast = is_fast(params)
    parts = [fast[at : at + group] for at in range(0, len(fast), group)]
    groups = [
        has_fast_end(params) and bool(part.all() and (has_part or len(part) == group)) for part in parts
    ]
    runs = [(is_run, len([*each])) for is_run, each in itertools.groupby(groups)]
    counts = ([] if runs[0][0] else [0]) + [count for _, count in runs] + ([0] if runs[-1][0] else [])
    return CArray("runs", freeze(np.array(counts), "int32"), "fast groups, slow ones, and so on")


def pack_two(weights: Int8) -> Int8:
    """`[M, K]` of an even K as `[M / 2, K / 2, 4]`: two channels as a0 b0 a1 b1; one of zeros fills up."""
    m, k = weights.shape
    rows: Array = np.zeros((round_up(m, 2), k), np.int8)
    rows[:m] = weights
    return np.ascontiguousarray(rows.reshape(-1, 2, k // 2, 2).transpose(0, 2, 3, 1))

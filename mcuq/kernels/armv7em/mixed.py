"""What kernels for DSP cores share whose input or output is int16."""

from __future__ import annotations

import numpy as np

from mcuq.ir.plan import CArray
from mcuq.ir.types import Array, DType, Int8, freeze
from mcuq.kernels.armv7em.requantize import shortcut_rights
from mcuq.kernels.fields import Fields, round_up
from mcuq.kernels.portable.weighted import code_fields
from mcuq.ops.accumulator import Accumulator
from mcuq.ops.weighted import WeightedParams

_MOST_RIGHT = 23


def long_refusal(params: WeightedParams) -> str | None:
    """Why sums are not for instructions that add up in 32 bits, or None."""
    if params.accumulator is Accumulator.INT64:
        return "its sums may need 64 bits, the kernel adds up in 32"
    return None


def end_fields(params: WeightedParams) -> Fields:
    """Zero points, limits, and whether codes need more than an instruction that limits them."""
    is_fast = params.y_type is DType.INT16 and (params.lo, params.hi) in ((-32768, 32767), (0, 32767))
    return (*code_fields(params), ("is_slow", int(not is_fast)))


def channel_words(params: WeightedParams, multiple: int) -> CArray:
    """Bias, multiplier, right shift and half a step of each channel, filled up with channels of zeros."""
    right = shortcut_rights(params).astype(np.int64)
    half = np.where(right <= _MOST_RIGHT, 1 << (np.minimum(right, _MOST_RIGHT) - 1), 0)
    words: Array = np.zeros((round_up(len(right), multiple), 4), np.int64)
    words[:, 2] = 1
    words[: len(right)] = np.stack([params.folded_bias, params.requant.arrays[0], right, half], axis=1)
    return CArray(
        "channels", freeze(words.reshape(-1), "int32"), "per channel: bias, multiplier, right shift, half"
    )


def pack_two(weights: Int8) -> Int8:
    """`[M, K]` of an even K as `[M / 2, K / 2, 4]`: two channels as a0 b0 a1 b1; one of zeros fills up."""
    m, k = weights.shape
    rows: Array = np.zeros((round_up(m, 2), k), np.int8)
    rows[:m] = weights
    return np.ascontiguousarray(rows.reshape(-1, 2, k // 2, 2).transpose(0, 2, 3, 1))

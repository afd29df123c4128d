"""Requantization in two instructions: for which channels it gives the contract's code for every sum.

A sum `a` without its bias becomes `clamp((((a << scale) * multiplier + 2^31) >> 32) + addend) >> 17)`: SMMLAR
and SSAT. It grows with `a`, as the contract does, so both agree on every sum where they agree on both sides
of each of its thresholds, the least sum that gives at least a code: 255 of them, no sum is tried out.
Thresholds lie on one line where the contract rounds ties in one direction, as *double* does with what is not
negative: after ReLU with the zero point -128. The bias is in the addend. Source: docs/numerics.md, R3.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from numpy.typing import NDArray

from mcuq.ir.integer import requantize
from mcuq.ir.types import Int64
from mcuq.ops.weighted import WeightedParams

_FRACTION = 17  # of the product: with fewer it is too coarse, with more scales of 2^-4 have no multiplier
_STEPS = 60  # multipliers tried on either side of the nearest
_HOPELESS = 32  # of the product's units: thresholds that miss the nearest line by more lie on no line
_LIMIT = 2**30


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ShortForms:
    """What two instructions need per channel.

    Args:
        scale: bits that the sum is shifted left by, one for all of a group of channels; 0 where a channel of
            the group has no such form. `[M]`.
        multiplier: int32 values, not negative, `[M]`.
        addend: int32 values, below 2^30 in magnitude, `[M]`.
    """

    scale: Int64
    multiplier: Int64
    addend: Int64


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Thresholds:
    """Sums between which the code changes.

    Args:
        codes: those that can be reached from below, `[J]`.
        low: the smallest sum, without bias, `[M, 1]`.
        high: the largest, `[M, 1]`.
        least: of the sums in [low, high + 1] the least that gives at least a code, `[M, J]`.
    """

    codes: Int64
    low: Int64
    high: Int64
    least: Int64


def sum_bounds(params: WeightedParams) -> tuple[Int64, Int64]:
    """The smallest and the largest sum of products with codes of -128 to 127, without bias, `[M]`."""
    weights = params.weights.reshape(len(params.weights), -1).astype(np.int64)
    low = np.minimum(127 * weights, -128 * weights).sum(axis=1)
    return low, np.maximum(127 * weights, -128 * weights).sum(axis=1)


@functools.lru_cache(maxsize=16)
def short_forms(params: WeightedParams, group: int, least_scale: int, most_scale: int) -> ShortForms:
    """The forms of all channels of a layer.

    Args:
        params: of the layer; the zero point of its input is not yet in its bias.
        group: so many channels, the last group may be smaller, have one scale.
        least_scale: what a kernel shifts sums by at least.
        most_scale: and at most.
    """
    thresholds = _thresholds(params)
    shift = params.requant.arrays[1]
    reach = np.maximum(-thresholds.low, thresholds.high).reshape(-1)
    bits = np.ceil(np.log2(reach + 1)).astype(np.int64)
    scale = _by_group(np.maximum(_FRACTION + 1 + shift, least_scale), group, np.maximum)
    fits = scale <= _by_group(np.minimum(31 - bits, most_scale), group, np.minimum)
    found, multiplier, addend = _fit(params, thresholds, np.where(fits, scale, least_scale), fits)
    return ShortForms(
        np.where(_by_group(found, group, np.logical_and), scale, 0),
        np.where(found, multiplier, 0),
        np.where(found, addend, 0),
    )


def _by_group(values: NDArray[np.generic], group: int, combine: np.ufunc) -> Int64:
    """What a function makes of all values of each group, for each of them."""
    starts = np.arange(0, len(values), group)
    combined: Int64 = np.repeat(combine.reduceat(values, starts), group)[: len(values)]
    return combined


def _thresholds(params: WeightedParams) -> _Thresholds:
    low, high = (values[:, None] for values in sum_bounds(params))
    multiplier, shift = (values[:, None] for values in params.requant.arrays)
    bias = params.folded_bias[:, None]
    codes = np.arange(params.lo + 1, params.hi + 1)

    def reaches(sums: Int64) -> NDArray[np.bool_]:
        y = requantize(sums + bias, multiplier, shift, params.requant.rounding)
        reached: NDArray[np.bool_] = y + params.y_zero_point >= codes
        return reached

    # Near where the real scale has it; the bisection finds it wherever it is.
    real = (codes - params.y_zero_point - 0.5) / np.maximum(multiplier * np.exp2(shift - 31.0), 1e-300) - bias
    guess = np.clip(real, low, high + 1).astype(np.int64)
    first, last = np.maximum(guess - 4, low), np.minimum(guess + 4, high + 1)
    first = np.where((first > low) & reaches(first - 1), low, first)
    last = np.where((last <= high) & ~reaches(last), high + 1, last)
    while (open_ := first < last).any():
        middle = (first + last) >> 1
        found = reaches(middle)
        last = np.where(open_ & found, middle, last)
        first = np.where(open_ & ~found, middle + 1, first)
    return _Thresholds(codes, low, high, first)


def _fit(
    params: WeightedParams, at: _Thresholds, scale: Int64, fits: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], Int64, Int64]:
    """Which channels have a multiplier and an addend that agree with every threshold, and these."""
    multiplier, shift = params.requant.arrays
    nearest = np.rint(multiplier * np.exp2(_FRACTION + 1.0 + shift - scale)).astype(np.int64)
    stride = np.maximum(nearest >> 22, 1)
    found = np.zeros(len(nearest), bool)
    chosen, addend = np.zeros((2, len(nearest)), np.int64)
    fits = fits.copy()
    for step in range(2 * _STEPS + 1):
        tried = nearest + (step // 2 + step % 2) * (2 * (step % 2) - 1) * stride
        open_ = np.flatnonzero(fits & ~found & (tried >= 0) & (tried < 2**31))
        if not len(open_):
            break
        least, most = _addends(at, open_, tried[open_, None], scale[open_, None])
        good = (least <= most) & (np.abs(least) < _LIMIT)
        if step == 0:
            fits[open_[least - most > _HOPELESS]] = False
        found[open_[good]] = True
        chosen[open_[good]] = tried[open_[good]]
        addend[open_[good]] = least[good]
    return found, chosen, addend


def _addends(at: _Thresholds, rows: Int64, multiplier: Int64, scale: Int64) -> tuple[Int64, Int64]:
    """The smallest and the largest addend with which some channels agree with every threshold."""
    sums, low, high = at.least[rows], at.low[rows], at.high[rows]
    wanted = at.codes << _FRACTION
    reached = wanted - _product(np.minimum(sums, high), multiplier, scale)
    missed = wanted - 1 - _product(np.maximum(sums - 1, low), multiplier, scale)
    return (
        np.where(sums <= high, reached, -_LIMIT + 1).max(axis=1, initial=-_LIMIT + 1),
        np.where(sums > low, missed, _LIMIT).min(axis=1, initial=_LIMIT),
    )


def _product(sums: Int64, multiplier: Int64, scale: Int64) -> Int64:
    product: Int64 = ((sums << scale) * multiplier + (1 << 31)) >> 32
    return product

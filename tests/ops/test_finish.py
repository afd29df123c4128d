"""Codes of sums in floating point are those of the integer formulas, ties and their neighbours included."""

import dataclasses

import numpy as np
import pytest

from mcuq.ir.integer import Requant, Rounding
from mcuq.ops.weighted import WeightedParams, finish

CHANNELS = 6


def params(rng, shifts, rounding, taps):
    weights = rng.integers(-128, 128, (CHANNELS, taps)).astype(np.int8)
    multiplier = tuple(int(m) for m in rng.integers(2**30, 2**31, CHANNELS))
    # Powers of two make exact ties.
    multiplier = (2**30, 2**30, *multiplier[2:])
    shift = tuple(int(s) for s in rng.integers(*shifts, CHANNELS))
    bias = rng.integers(-(2**18), 2**18, CHANNELS).astype(np.int32)
    lo = int(rng.integers(-128, 0))
    return WeightedParams(
        weights, bias, Requant(multiplier, shift, rounding), 3, int(rng.integers(-128, 128)), lo, 127
    )


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("shifts", [(-31, -20), (-20, -10), (-12, -6), (-8, 0), (-3, 1), (0, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_in_floating_point_give_the_codes_of_integers(dtype, shifts, rounding):
    rng = np.random.default_rng(abs(shifts[0]) * 100 + (dtype is np.float32))
    for taps in (1, 20, 100):
        op = params(rng, shifts, rounding, taps)
        largest = 255 * np.abs(op.weights.astype(np.int64)).sum(axis=1)
        # Around the place of every code, and anywhere.
        scale = np.array(op.requant.multiplier) * np.exp2(np.array(op.requant.shift) - 31.0)
        halves = (np.arange(-300, 300)[:, None] / 2 - op.y_zero_point) / scale - op.bias
        places = [np.round(halves) + step for step in range(-3, 4)]
        places += [rng.uniform(-1, 1, (2000, CHANNELS)) * largest]
        acc = np.clip(np.round(np.concatenate(places)), -largest, largest).astype(np.int64)
        acc = acc.reshape(1, -1, CHANNELS)
        expected = finish(acc + op.bias, op.requant, op.y_zero_point, op.lo, op.hi)
        np.testing.assert_array_equal(expected, op.finish(acc.astype(dtype)))


def test_the_fast_way_is_taken():
    """Where the first rounding moves results by little, which is the common case."""
    op = params(np.random.default_rng(0), (-9, -8), Rounding.DOUBLE, 20)
    assert op._certain(np.float32) > 0.45


@pytest.mark.parametrize("zero_point", [-128, -3, 0, 127])
def test_folded_biases_are_for_codes_as_they_are(zero_point):
    rng = np.random.default_rng(zero_point + 128)
    op = dataclasses.replace(params(rng, (-9, -8), Rounding.DOUBLE, 20), x_zero_point=zero_point)
    x, weights = rng.integers(-128, 128, (50, 20)), op.weights.astype(np.int64).T
    np.testing.assert_array_equal(op.folded_bias + x @ weights, op.bias + (x - zero_point) @ weights)

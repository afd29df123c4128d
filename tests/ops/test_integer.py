"""mcuq.ir.integer against plain integers: extremes, ties, and random values in the millions."""

import math
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcuq.ir import integer
from mcuq.ir.integer import Requant, Rounding
from tests.ops import plain

INT32 = (-(2**31), 2**31 - 1)
EDGES = [0, 1, 2, 3, 127, 128, 2**15, 2**24 - 1, 2**24, 2**30 - 1, 2**30, 2**31 - 1]
VALUES = sorted({sign * edge for edge in EDGES for sign in (1, -1)} | {INT32[0]})
MULTIPLIERS = [2**30, 2**30 + 1, 3 * 2**29, 2**31 - 2, 2**31 - 1]


def expected_requant(values, multiplier, shift, rounding):
    return [plain.rq(v, multiplier, shift, rounding.value) for v in values]


def fitting(values, shift):
    """The values that the compiler would let pass: they stay in int32 when shifted left."""
    return [v for v in values if INT32[0] <= v << max(shift, 0) <= INT32[1]]


@pytest.mark.parametrize("rounding", list(Rounding))
def test_requant_at_the_edges(rounding):
    for shift in range(-31, 31):
        for multiplier in MULTIPLIERS:
            values = fitting(VALUES, shift)
            found = Requant((multiplier,), (shift,), rounding).apply(np.array(values, np.int64))
            assert expected_requant(values, multiplier, shift, rounding) == found.tolist(), (
                shift,
                multiplier,
            )


@pytest.mark.parametrize("rounding", list(Rounding))
def test_requant_of_random_values(rounding):
    rng = Random(f"requant {rounding}")
    for _ in range(2000):
        shift, multiplier = rng.randint(-31, 30), rng.randrange(2**30, 2**31)
        bits = rng.randint(1, 31 - max(shift, 0))
        values = fitting([rng.randint(-(2**bits), 2**bits) for _ in range(20)], shift)
        found = Requant((multiplier,), (shift,), rounding).apply(np.array(values, np.int64))
        assert expected_requant(values, multiplier, shift, rounding) == found.tolist()


@pytest.mark.parametrize("rounding", list(Rounding))
def test_requant_at_every_tie(rounding):
    """With multiplier 2^30 the product is v / 2: every odd half of the final shift is met on the way."""
    for right in range(8):
        values = list(range(-4096, 4097))
        found = Requant((2**30,), (-right,), rounding).apply(np.array(values, np.int64))
        assert expected_requant(values, 2**30, -right, rounding) == found.tolist()


def test_contracts_differ_only_at_ties():
    values = np.arange(-4096, 4097)
    double, single = (Requant((2**30,), (-3,), rounding).apply(values) for rounding in Rounding)
    differing = values[double != single]
    assert differing.size > 0
    assert np.abs(double - single).max() == 1


def test_requant_of_channels_mixes_left_and_right_shifts():
    multipliers, shifts = (2**30, 2**31 - 1, 0, 3 * 2**29), (5, -7, 0, -31)
    values = np.random.default_rng(0).integers(-(2**24), 2**24, (50, 4))
    for rounding in Rounding:
        found = Requant(multipliers, shifts, rounding).apply(values)
        for channel in range(4):
            column = [int(v) for v in values[:, channel]]
            expected = expected_requant(column, multipliers[channel], shifts[channel], rounding)
            assert expected == found[:, channel].tolist()


@given(a=st.integers(*INT32), b=st.integers(*INT32))
def test_dhm(a, b):
    if (a, b) != (INT32[0], INT32[0]):
        assert plain.dhm(a, b) == int(integer.dhm(np.int64(a), np.int64(b)))


@given(x=st.integers(*INT32), exponent=st.integers(0, 40))
def test_rdp(x, exponent):
    found = int(integer.rdp(np.array([x]), exponent)[0])
    assert plain.rdp(x, exponent) == found
    if exponent < 32:
        assert plain.half_away(Fraction(x, 2**exponent)) == found


@given(st.floats(min_value=0, max_value=2.0**30, allow_subnormal=True))
@settings(max_examples=500)
def test_quantize_multiplier(scale):
    assert plain.quantize_multiplier(scale) == integer.quantize_multiplier(scale)


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        (0.0, (0, 0)),
        (1.0, (2**30, 1)),
        (0.5, (2**30, 0)),
        (math.nextafter(1.0, 0.0), (2**30, 1)),
        (2.0**-32, (2**30, -31)),
        (math.nextafter(2.0**-32, 0.0), (2**30, -31)),
        (2.0**-33, (0, 0)),
        (5e-324, (0, 0)),
        (1 / 3, (1431655765, -1)),
    ],
)
def test_quantize_multiplier_at_the_edges(scale, expected):
    assert expected == integer.quantize_multiplier(scale)
    assert expected == plain.quantize_multiplier(scale)


@given(st.floats(min_value=-1e15, max_value=1e15))
def test_round_half_away(value):
    expected = plain.half_away(Fraction(value))
    assert expected == integer.round_half_away(value)
    assert expected == int(integer.round_half_away_array(np.array([value]))[0])


def test_round_half_away_of_ties_and_their_neighbours():
    for tie in (0.5, 1.5, 2.5, 126.5, 127.5, 2.0**52 - 0.5):
        for value in (tie, math.nextafter(tie, 0), math.nextafter(tie, math.inf)):
            for signed in (value, -value):
                expected = plain.half_away(Fraction(signed))
                assert expected == integer.round_half_away(signed)
                assert expected == int(integer.round_half_away_array(np.array([signed]))[0])


def quantized(real, scale, zero_point):
    """Single precision division, then exact arithmetic."""
    ratio = Fraction(float(np.float32(real) / np.float32(scale))) if np.isfinite(real / scale) else None
    if ratio is None:
        return 127 if real > 0 else -128
    return max(-128, min(127, plain.half_away(ratio) + zero_point))


@given(
    real=st.floats(width=32, allow_nan=False, allow_infinity=False),
    scale=st.floats(width=32, min_value=2.0**-126, max_value=2.0**120),
    zero_point=st.integers(-128, 127),
)
@settings(max_examples=500)
def test_quantize_array(real, scale, zero_point):
    with np.errstate(over="ignore", under="ignore"):
        expected = quantized(np.float32(real), np.float32(scale), zero_point)
        found = integer.quantize_array(np.array([real], np.float32), scale, zero_point)
    assert [expected] == found.tolist()


def test_quantize_array_rounds_ties_away_from_zero():
    real = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5], np.float32) * np.float32(0.25)
    assert integer.quantize_array(real, 0.25, 0).tolist() == [-3, -2, -1, 1, 2, 3]


def test_dequantize_inverts_quantize_for_every_code():
    codes = np.arange(-128, 128, dtype=np.int8)
    for scale in (1.0, 0.003921569, 2.0**-126, 3e30):
        scale = float(np.float32(scale))
        for zero_point in (-128, 0, 127, 5):
            real = integer.dequantize_array(codes, scale, zero_point)
            np.testing.assert_array_equal(codes, integer.quantize_array(real, scale, zero_point))


@pytest.mark.parametrize(
    "change",
    [
        {"multiplier": (2**29 - 1,)},
        {"multiplier": (2**31,)},
        {"multiplier": (-1,)},
        {"shift": (31,)},
        {"shift": (-32,)},
        {"multiplier": (), "shift": ()},
        {"shift": (0, 0)},
    ],
)
def test_requant_refuses_what_its_arithmetic_cannot_do(change):
    with pytest.raises(ValueError, match="needs"):
        Requant(**{"multiplier": (2**30,), "shift": (0,), "rounding": Rounding.DOUBLE, **change})

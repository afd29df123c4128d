from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcuq.calibrate.params import Range, Scheme, quant_grid, quant_params
from mcuq.ir.integer import round_half_away_array
from mcuq.ir.types import DType, QuantParams

FLOATS = st.floats(-(2.0**127), 2.0**127, width=32)


def half_away(value: Fraction) -> int:
    return int(abs(value) + Fraction(1, 2)) * (1 if value > 0 else -1)


@given(st.floats(-1e9, 1e9))
def test_round_half_away_is_exact(value: float) -> None:
    assert half_away(Fraction(value)) == round_half_away_array(np.array(value))


@pytest.mark.parametrize(
    ("lo", "hi", "scale", "zero_point"),
    [
        (0.0, 255.0, 1.0, -128),
        (-128.0, 127.0, 1.0, 0),
        (-255.0, 0.0, 1.0, 127),
        (-1.0, 3.0, 4 / 255, -64),
        (5.0, 255.0, 1.0, -128),  # widened to hold 0
        (-255.0, -5.0, 1.0, 127),
        (0.0, 0.0, 1.0, 0),
        (-0.5, 254.5, 1.0, -128),  # -127.5 rounds away from zero
    ],
)
def test_quant_params_asymmetric(lo: float, hi: float, scale: float, zero_point: int) -> None:
    expected = QuantParams((float(np.float32(scale)),), zero_point, DType.INT8)
    assert expected == quant_params(Range(lo, hi), Scheme.ASYMMETRIC)


@pytest.mark.parametrize(
    ("lo", "hi", "dtype", "scale"),
    [
        (-1.0, 127.0, DType.INT8, 1.0),
        (-254.0, 0.0, DType.INT8, 2.0),
        (0.0, 0.0, DType.INT8, 1.0),
        (-32767.0, 1.0, DType.INT16, 1.0),
        (0.0, 0.0, DType.INT16, 2.0**-15),
    ],
)
def test_quant_params_symmetric(lo: float, hi: float, dtype: DType, scale: float) -> None:
    assert QuantParams((scale,), 0, dtype) == quant_params(Range(lo, hi), Scheme.SYMMETRIC, dtype)


def test_quant_params_int16_is_always_symmetric() -> None:
    assert quant_params(Range(0.0, 5.0), Scheme.ASYMMETRIC, DType.INT16).zero_point == 0


@given(FLOATS, FLOATS)
def test_quant_params_hold_the_range_for_any_floats(one: float, other: float) -> None:
    lo, hi = min(one, other, 0.0), max(one, other, 0.0)
    params = quant_params(Range(lo, hi), Scheme.ASYMMETRIC)
    assert params.step >= 2.0**-126
    if hi - lo < 255 * 2.0**-126:
        return
    # The rounded zero point moves each end by at most half a step, the stored scale by a few ulp.
    assert (params.dtype.qmin - params.zero_point) * params.step <= lo + 0.501 * params.step
    assert (params.dtype.qmax - params.zero_point) * params.step >= hi - 0.501 * params.step


def test_quant_params_of_a_subnormal_range_are_normal() -> None:
    params = quant_params(Range(0.0, 1e-45), Scheme.ASYMMETRIC)
    assert (params.step, params.zero_point) == (2.0**-126, -128)


def test_quant_grid_is_quant_params_of_each() -> None:
    lo, hi = np.array([-1.0, 0.0, -3.0, 0.0]), np.array([0.7, 2.0, 0.0, 0.0])
    for scheme in Scheme:
        scale, zero_point = quant_grid(lo, hi, scheme)
        for i in range(lo.size):
            params = quant_params(Range(lo[i], hi[i]), scheme)
            assert (params.step, params.zero_point) == (scale[i], zero_point[i])


@pytest.mark.parametrize(("lo", "hi"), [(1.0, 0.0), (float("nan"), 1.0), (0.0, float("inf"))])
def test_range_refuses_what_is_none(lo: float, hi: float) -> None:
    with pytest.raises(AssertionError):
        Range(lo, hi)


def test_range_amax_is_the_larger_side() -> None:
    assert Range(-3.0, 2.0).amax == 3.0

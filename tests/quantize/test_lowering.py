"""Lowering computes the integers that docs/numerics.md says, in double precision and in this order."""

import numpy as np
import pytest

from mcuq.ir.integer import Rounding
from mcuq.ir.op import Clamp, LoweringRefusal, Operand
from mcuq.ir.types import DType, QuantParams
from mcuq.ops.arithmetic import Add, Mul
from mcuq.ops.conv import Conv2d
from mcuq.ops.linear import Linear
from mcuq.ops.pool import Mean
from mcuq.ops.window import Window
from tests.builders import quant
from tests.ops.plain import quantize_multiplier


def scales(rng, count):
    """Real scales as single precision holds them."""
    return [float(np.float32(v)) for v in np.exp(rng.uniform(-6, 1, count))]


def pair(requant):
    return requant.multiplier[0], requant.shift[0]


@pytest.mark.parametrize("is_subtraction", [False, True])
def test_addition_scales_operands_to_twice_the_larger_scale(is_subtraction):
    rng = np.random.default_rng(2)
    for _ in range(100):
        sa, sb, sy = scales(rng, 3)
        a, b, y = (Operand((1, 4), quant(s, z)) for s, z in ((sa, 3), (sb, -7), (sy, 11)))
        step = Add(Clamp(0.0), is_subtraction).lower([a, b], y, Rounding.DOUBLE)
        twice = 2 * max(sa, sb)
        assert quantize_multiplier(sa / twice) == pair(step.a_requant)
        assert quantize_multiplier(sb / twice) == pair(step.b_requant)
        assert quantize_multiplier(twice / (2**20 * sy)) == pair(step.y_requant)
        assert (step.a_zero_point, step.b_zero_point, step.y_zero_point) == (3, -7, 11)
        assert (step.lo, step.hi, step.is_subtraction) == (11, 127, is_subtraction)


def test_product_and_mean_have_one_scale():
    rng = np.random.default_rng(3)
    for _ in range(100):
        sa, sb, sy = scales(rng, 3)
        a, b, y = (Operand((1, 9, 9, 4), quant(s, z)) for s, z in ((sa, 3), (sb, -7), (sy, 11)))
        product = Mul(Clamp(0.0)).lower([a, b], y, Rounding.SINGLE)
        assert quantize_multiplier(sa * sb / sy) == pair(product.requant)
        assert (product.a_zero_point, product.b_zero_point, product.y_zero_point) == (3, -7, 11)
        assert (product.lo, product.hi) == (11, 127)
        mean = Mean(Window((3, 5))).lower([a], y, Rounding.SINGLE)
        assert quantize_multiplier(sa / (15 * sy)) == pair(mean.requant)
        assert (mean.x_zero_point, mean.y_zero_point, mean.requant.rounding) == (3, 11, Rounding.SINGLE)


def weighted(sx, sw, sy, clamp):
    weights = np.array([[3, -4], [5, 6]], np.int8)
    w = Operand((2, 2), QuantParams(tuple(sw), 0, DType.INT8, 0), weights)
    b = Operand((2,), QuantParams((1.0,), 0, DType.INT32, 0), np.array([5, -6], np.int32))
    return w, b, Operand((1, 2), quant(sx, 9)), Operand((1, 2), quant(sy, -20)), clamp


@pytest.mark.parametrize("is_conv", [False, True])
def test_weighted_layers_take_over_zero_points_limits_and_constants(is_conv):
    rng = np.random.default_rng(4)
    for _ in range(50):
        sx, first, second, sy = scales(rng, 4)
        w, b, x, y, clamp = weighted(sx, (first, second), sy, Clamp(-sy, 3 * sy))
        if is_conv:
            codes = w.codes.reshape(2, 1, 1, 2)
            w = Operand(codes.shape, w.quant, codes)
            x, y = Operand((1, 1, 1, 2), x.quant), Operand((1, 1, 1, 2), y.quant)
        op = Conv2d(Window((1, 1)), 1, clamp) if is_conv else Linear(clamp)
        params = op.lower([x, w, b], y, Rounding.DOUBLE).params
        assert [quantize_multiplier(sx * s / sy) for s in (first, second)] == list(
            zip(params.requant.multiplier, params.requant.shift, strict=True)
        )
        assert (params.x_zero_point, params.y_zero_point, params.lo, params.hi) == (9, -20, -21, -17)
        np.testing.assert_array_equal(w.codes, params.weights)
        np.testing.assert_array_equal([5, -6], params.bias)


def refused(make):
    try:
        make()
    except LoweringRefusal as refusal:
        return refusal.code
    return None


@pytest.mark.parametrize(
    ("largest", "make"),
    [
        (255 << 20, lambda sy, a: Add().lower([a, a], Operand((1,), quant(sy / 2**19)), Rounding.DOUBLE)),
        (255 * 255, lambda sy, a: Mul().lower([a, a], Operand((1,), quant(sy)), Rounding.DOUBLE)),
        (
            255 * 15,
            lambda sy, a: Mean(Window((3, 5))).lower([a], Operand((1,), quant(sy / 15)), Rounding.DOUBLE),
        ),
    ],
    ids=["add", "mul", "mean"],
)
def test_left_shifts_are_taken_as_far_as_sums_stay_in_int32(largest, make):
    """Effective scales are 0.75 * 2^shift: that shift, and the next is refused."""
    shift = 0
    while (largest << (shift + 1)) + 256 <= 2**31 - 1:
        shift += 1
    one = Operand((1, 9, 9, 1), quant(1.0))
    assert refused(lambda: make(1 / (0.75 * 2.0**shift), one)) is None
    assert refused(lambda: make(1 / (0.75 * 2.0 ** (shift + 1)), one)) == "Q003"


def test_a_shift_of_30_is_the_last():
    """A single weight of 0 can be shifted as far as the format goes."""
    w = Operand((1, 1), QuantParams((1.0,), 0, DType.INT8, 0), np.zeros((1, 1), np.int8))
    b = Operand((1,), QuantParams((1.0,), 0, DType.INT32, 0), np.zeros(1, np.int32))
    x = Operand((1, 1), quant(1.0))
    for shift, code in ((30, None), (31, "Q003")):
        y = Operand((1, 1), quant(1 / (0.75 * 2.0**shift)))
        assert refused(lambda y=y: Linear().lower([x, w, b], y, Rounding.DOUBLE)) == code


def test_room_for_the_zero_point_counts():
    """The zero point is added to what was requantized: sums keep 256 below 2^31."""
    weights = np.zeros((1, 2), np.int8)
    for bias, code in ((2**31 - 1 - 256, None), (2**31 - 256, "Q002")):
        w = Operand((1, 2), QuantParams((1.0,), 0, DType.INT8, 0), weights)
        b = Operand((1,), QuantParams((1.0,), 0, DType.INT32, 0), np.array([bias], np.int32))
        x, y = Operand((1, 2), quant(1.0)), Operand((1, 1), quant(4.0))
        assert refused(lambda x=x, w=w, b=b, y=y: Linear().lower([x, w, b], y, Rounding.DOUBLE)) == code

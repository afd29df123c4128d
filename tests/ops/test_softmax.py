"""Softmax where its integer arithmetic is at its limits: long rows, equal values, tiny and huge scales."""

import math
from random import Random

import numpy as np
import pytest

from mcuq.ir.integer import Rounding
from mcuq.ir.op import LoweringRefusal, Operand, ShapeError
from mcuq.ir.types import DType, QuantParams
from mcuq.ops import softmax as module
from mcuq.ops.softmax import Softmax, SoftmaxStep
from tests.builders import quant
from tests.ops import softmax as reference

LENGTHS = [1, 2, 511, 512, 513, 1001, 4095]


def lowered(scale, length):
    operand = Operand((1, length), quant(scale))
    return Softmax().lower([operand], Operand((1, length), Softmax().fixed_params()), Rounding.DOUBLE)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("scale", [0.0001, 0.01, 0.1, 1.0])
def test_rows_of_near_equal_values(length, scale):
    step = lowered(scale, length)
    rng = Random(f"{length} {scale}")
    rows = [
        [7] * length,
        [-128] * length,
        [127] * length,
        [rng.randint(-1, 0) for _ in range(length)],
        [rng.randint(60, 62) for _ in range(length)],
        [127] + [126] * (length - 1),
        [rng.randint(-128, 127) for _ in range(length)],
    ]
    x = np.array(rows, np.int8)
    expected = [reference.softmax(step, row) for row in rows]
    np.testing.assert_array_equal(expected, step.run(x[:, None])[:, 0])


def test_row_of_4095_equal_values_is_the_smallest_code():
    assert {-128} == set(lowered(0.1, 4095).run(np.zeros((1, 1, 4095), np.int8)).ravel().tolist())


def test_single_value_is_the_largest_code():
    for code in (-128, 0, 127):
        assert lowered(0.1, 1).run(np.full((1, 1, 1), code, np.int8)).tolist() == [[[127]]]


@pytest.mark.parametrize("scale", [2.0**-126, 1e-12, 2.0**-33, 2.0**-26, 0.003, 0.5, 31.0, 32.0, 1e6, 3e38])
def test_exponentials_of_any_scale(scale):
    step = lowered(scale, 10)
    x = np.arange(-128, 128, dtype=np.int8)[None, None]
    row = x.ravel().tolist()
    np.testing.assert_array_equal(reference.softmax(step, row), step.run(x).ravel())


def test_result_is_within_two_codes_of_the_real_softmax():
    rng = np.random.default_rng(0)
    for scale in (0.02, 0.1, 0.3):
        x = rng.integers(-128, 128, (50, 1, 10)).astype(np.int8)
        real = np.exp(scale * x.astype(np.float64))
        real /= real.sum(axis=-1, keepdims=True)
        assert np.abs(np.clip(real * 256, 0, 255) - 128 - lowered(scale, 10).run(x)).max() <= 2


def test_exp_negative_and_one_over_one_plus():
    rng = Random("softmax pieces")
    vs = [0, -1, -(2**24), -(2**24) - 1, -(2**31) + 1, *(-rng.randrange(2**31) for _ in range(3000))]
    found = module.exp_negative(np.array(vs, np.int64)).tolist()
    assert [reference.exp_negative(v) for v in vs] == found
    vs = [0, 1, 2**31 - 1, *(rng.randrange(2**31) for _ in range(3000))]
    found = module.one_over_one_plus(np.array(vs, np.int64)).tolist()
    assert [reference.one_over_one_plus(v) for v in vs] == found


def test_exp_negative_is_the_exponential():
    for v in (-(2**20), -(2**24), -(2**26), -5 * 2**26):
        assert math.exp(v / 2**26) == pytest.approx(reference.exp_negative(v) / 2**31, rel=1e-6)


def test_longer_rows_are_refused_with_both_numbers():
    with pytest.raises(LoweringRefusal) as refusal:
        lowered(0.1, 4096)
    assert refusal.value.code == "Q004"
    assert "4096" in refusal.value.why
    assert "4095" in refusal.value.why
    with pytest.raises(ShapeError):
        SoftmaxStep(2**30, 0, -256).infer((1, 4096))


def wide_of(scale, length, x_type):
    x = Operand((1, length), QuantParams((float(np.float32(scale)),), 0, x_type))
    op = Softmax(is_wide=True)
    return op.lower([x], Operand((1, length), op.fixed_params()), Rounding.DOUBLE)


@pytest.mark.parametrize("x_type", [DType.INT8, DType.INT16])
@pytest.mark.parametrize("length", [1, 2, 511, 1001, 4095])
@pytest.mark.parametrize("span", [1e-6, 2.0, 20.0, 1000.0, 1e30])
def test_int16_of_any_row_and_scale_is_near_the_real_softmax(span, length, x_type):
    scale = span / (x_type.qmax - x_type.qmin)
    step = wide_of(scale, length, x_type)
    values = np.random.default_rng(length)
    rows = [
        np.full(length, x_type.qmin),
        np.full(length, x_type.qmax),
        values.integers(x_type.qmin, x_type.qmax + 1, length),
        np.array([x_type.qmax] + [x_type.qmin] * (length - 1)),
    ]
    x = np.array(rows).astype(x_type.numpy)
    found = step.run(x[:, None])[:, 0]
    assert found.dtype == np.int16
    np.testing.assert_array_equal([reference.softmax(step, row) for row in x.tolist()], found)
    real = np.exp(step_of(scale) * (x.astype(np.float64) - x.max(axis=1, keepdims=True)))
    real /= real.sum(axis=1, keepdims=True)
    assert np.abs(np.clip(real * 2**15, 0, 32767) - found).max() <= 1.0


def step_of(scale):
    return float(np.float32(scale))

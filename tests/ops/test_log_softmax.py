"""Log-softmax where its integers are at their limits: long rows, equal values, tiny and huge scales."""

import math
from random import Random

import numpy as np
import pytest

from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.op import LoweringRefusal, Operand
from mcuq.ops.log_softmax import LogSoftmax, LogSoftmaxStep, binary_logarithm
from tests.builders import quant
from tests.ops import log_softmax as reference


def lowered(scale, length, y_scale=0.05, zero_point=127, rounding=Rounding.DOUBLE):
    x, y = (Operand((1, length), each) for each in (quant(scale), quant(y_scale, zero_point)))
    return LogSoftmax().lower([x], y, rounding)


def real_codes(x, scale, y_scale, zero_point=127):
    """What real numbers give, before rounding."""
    real = x.astype(np.float64) * scale
    real -= real.max(axis=-1, keepdims=True)
    real -= np.log(np.exp(real).sum(axis=-1, keepdims=True))
    return np.clip(real / y_scale + zero_point, -128, 127)


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("length", [1, 2, 511, 1001, 4095])
@pytest.mark.parametrize("scale", [0.0001, 0.01, 0.1, 1.0, 300.0])
def test_rows_equal_the_definition_and_are_within_a_code_of_real_ones(length, scale, rounding):
    y_scale = (math.log(length) + 1 + 255 * min(scale, 1.0)) / 255
    step = lowered(scale, length, y_scale, rounding=rounding)
    rng = Random(f"{length} {scale}")
    rows = [
        [7] * length,
        [-128] * length,
        [127] + [126] * (length - 1),
        [127] + [-128] * (length - 1),
        [rng.randint(-1, 0) for _ in range(length)],
        [rng.randint(-128, 127) for _ in range(length)],
    ]
    x = np.array(rows, np.int8)
    found = step.run(x[:, None])[:, 0]
    np.testing.assert_array_equal([reference.log_softmax(step, row) for row in rows], found)
    assert np.abs(real_codes(x, scale, y_scale) - found).max() <= 0.51


def test_a_single_value_has_the_logarithm_zero():
    for scale in (2.0**-126, 0.1, 1e30):
        x = np.array([-128, 0, 127], np.int8).reshape(3, 1, 1)
        assert {100} == set(lowered(scale, 1, 1.0, 100).run(x).ravel().tolist())


@pytest.mark.parametrize("scale", [2.0**-126, 1e-12, 2.0**-26, 0.003, 0.5, 31.0, 32.0, 1e6, 3e38])
def test_any_scale(scale):
    y_scale = max((255 * scale + 6) / 255, 0.02)
    step = lowered(scale, 256, y_scale)
    x = np.arange(-128, 128, dtype=np.int8)[None, None]
    found = step.run(x).ravel()
    np.testing.assert_array_equal(reference.log_softmax(step, x.ravel().tolist()), found)
    assert np.abs(real_codes(x, scale, y_scale).ravel() - found).max() <= 0.51


def test_binary_logarithm_is_exact_to_fifteen_bits():
    rng = Random("logarithms")
    sums = [2**19, 2**19 + 1, 2**31 - 1, 4095 * 2**19, *(rng.randrange(2**19, 2**31) for _ in range(3000))]
    total = np.array(sums, np.int64)
    headroom = 32 - np.frexp(total.astype(np.float64))[1].astype(np.int64)
    found = binary_logarithm(total << headroom, headroom)
    assert [reference.binary_logarithm(value) for value in sums] == found.tolist()
    assert np.abs(np.log2(total / 2.0**19) - found / 2.0**16).max() < 2.0**-15


def test_longer_rows_are_refused_with_both_numbers():
    with pytest.raises(LoweringRefusal) as refusal:
        lowered(0.1, 4096)
    assert refusal.value.code == "Q004"
    assert "4096" in refusal.value.why and "4095" in refusal.value.why


def test_an_output_much_finer_than_the_input_is_refused():
    with pytest.raises(LoweringRefusal) as refusal:
        lowered(1e6, 4, 1e-9)
    assert refusal.value.code == "Q003"


def test_steps_whose_values_can_leave_int32_are_no_steps():
    step = lowered(0.1, 4)
    right, left = Requant((2**30,), (0,), Rounding.DOUBLE), Requant((2**30,), (24,), Rounding.DOUBLE)
    base = (step.multiplier, step.shift, step.diff_min)
    for scales in ((left, right, right), (right, left, right), (right, right, left)):
        with pytest.raises(ValueError, match="needs"):
            LogSoftmaxStep(*base, *scales, 0)

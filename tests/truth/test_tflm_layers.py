"""The integer definitions equal TensorFlow Lite Micro's kernels, layer by layer, without a tolerance."""

import numpy as np
import pytest

from mcuq.ir.integer import dhm, rdp
from mcuq.ops.softmax import one_over_one_plus
from tests.ops.examples import REFERENCES
from tests.truth.tflite import RELU6, VALID, write_network
from tests.truth.tflite_layers import (
    RANDOM,
    TensorInfo,
    exactly,
    long_rows,
    make_case,
    random_layers,
    softmax_case,
    softmax_pairs,
    tie_layers,
)
from tests.truth.tflite_steps import run_steps, steps_of
from tests.truth.tflm import run_tflm

CASES = dict.fromkeys(RANDOM, 200) | {"ADD": 120, "MUL": 120, "SUB": 120}


def _run(case):
    """The layer's output by TensorFlow Lite Micro and by mcuq."""
    (layer,) = case.network.layers
    values = run_tflm(write_network(case.network), case.network, case.xs)
    expected = values[layer.output]
    return expected, run_steps(case.network, layer, values).reshape(expected.shape)


def _compare(cases):
    """The number of values compared."""
    compared = 0
    for number, case in enumerate(cases):
        (layer,) = case.network.layers
        expected, found = _run(case)
        what = f"case {number}: {layer.options} {steps_of(case.network, layer)}"
        np.testing.assert_array_equal(expected, found, what)
        compared += expected.size
    return compared


@pytest.mark.parametrize("kind", sorted(RANDOM))
def test_tflm_equals_the_steps_of_a_random_layer(kind):
    assert _compare(random_layers(kind, CASES[kind])) > 50 * CASES[kind]


def test_tflm_equals_the_steps_on_ties():
    assert _compare(tie_layers()) == 8 * 1500


def _softmax_in_16_bits(step, x):
    """The ending of softmax with 8 bits more, which shows more of its exponentials and reciprocals."""
    e = step.exponentials()[x.max(axis=-1, keepdims=True).astype(int) - x]
    total = rdp(e, 12).sum(axis=-1, keepdims=True)
    headroom = 32 - np.frexp(total.astype(float))[1].astype(int)
    r = one_over_one_plus((total << headroom) - 2**31)
    return np.clip(rdp(dhm(r, e), 27 - headroom) - 2**15, -(2**15), 2**15 - 1)


def test_tflm_equals_softmax_with_16_bits():
    for case in softmax_pairs(1500):
        (layer,) = case.network.layers
        expected = run_tflm(write_network(case.network), case.network, case.xs)[layer.output]
        (step,) = steps_of(case.network, layer)
        np.testing.assert_array_equal(expected, _softmax_in_16_bits(step, case.xs[0]), str(step))


def _softmax_of_tflm(x, rows):
    return _run(softmax_case(x, [rows]))


def _softmax_of_the_reference(x, rows):
    """By plain Python integers, and by mcuq."""
    case = softmax_case(x)
    (step,) = steps_of(case.network, case.network.layers[0])
    return np.array([REFERENCES["softmax"](step, row.tolist()) for row in rows]), step.run(rows)


@pytest.mark.parametrize(("length", "least"), [(511, 91), (512, 50), (1001, 20), (4095, 16)])
def test_tflm_equals_softmax_of_long_rows(length, least):
    """TensorFlow Lite Micro stops the process where exponentials sum to 512: there plain integers speak."""
    compared = 0
    for x, rows in long_rows(length):
        exact = np.exp((rows - rows.max(axis=-1, keepdims=True).astype(float)) * x.scale[0])
        total = exact.sum(axis=-1, keepdims=True)
        is_within = total[:, 0, 0] < 511.5
        for part, truth in ((is_within, _softmax_of_tflm), (~is_within, _softmax_of_the_reference)):
            if part.any():
                expected, found = truth(x, rows[part])
                np.testing.assert_array_equal(expected, found)
                assert np.abs((exact / total)[part] * 256 - 128 - found).max() <= 1
        compared += np.count_nonzero(is_within)
    assert compared >= least


def test_tflm_rounds_activation_limits_in_float32():
    """A known difference: 6 / scale is 24.4999998, which float32 rounds to 24.5, so that its limit is 25."""
    x = TensorInfo((1, 1, 1, 1), "int8", exactly(0.24489796161651611))
    options = {"padding": VALID, "strideH": 1, "strideW": 1, "filterHeight": 1, "filterWidth": 1}
    code = np.full((1, 1, 1, 1, 1), 127, np.int8)
    expected, found = _run(
        make_case("MAX_POOL_2D", options | {"fusedActivationFunction": RELU6}, [x], x, [code])
    )
    assert (expected.item(), found.item()) == (25, 24)

"""The integer definitions equal CMSIS-NN's own C, value by value, without a tolerance."""

import dataclasses

import numpy as np
import pytest

from mcuq.ir.integer import Requant, Rounding
from mcuq.ops.linear import LinearStep
from mcuq.ops.weighted import WeightedParams
from tests.truth.cases import RANDOM, end_cases, random_cases, tie_cases
from tests.truth.cmsis_nn import load_cmsis_nn

CASES = 400
ROUNDINGS = pytest.mark.parametrize("rounding", list(Rounding), ids=lambda rounding: rounding.value)


def _compare(rounding, cases):
    """The number of values compared."""
    library = load_cmsis_nn(rounding)
    compared = 0
    for number, case in enumerate(cases):
        expected, found = library.run(case.op, case.x), case.op.run(case.x)
        np.testing.assert_array_equal(expected, found, f"case {number}: {case.op}")
        compared += expected.size
    return compared


@ROUNDINGS
@pytest.mark.parametrize("kind", sorted(RANDOM))
def test_cmsis_nn_equals_the_step_on_random_shapes(kind, rounding):
    assert _compare(rounding, random_cases(kind, CASES, rounding)) > 50 * CASES


@ROUNDINGS
def test_cmsis_nn_equals_the_step_at_the_ends_of_every_range(rounding):
    assert _compare(rounding, end_cases(rounding)) > 30_000


@ROUNDINGS
def test_cmsis_nn_equals_the_step_on_ties(rounding):
    assert _compare(rounding, tie_cases(rounding)) > 15_000


@ROUNDINGS
def test_cmsis_nn_differs_from_the_other_rounding_on_ties(rounding):
    """The ties are ties: a step with the wrong contract does not pass for the library."""
    library = load_cmsis_nn(rounding)
    (other,) = set(Rounding) - {rounding}
    for case in tie_cases(rounding):
        scale = dataclasses.replace(case.op.params.requant, rounding=other)
        wrong = dataclasses.replace(case.op, params=dataclasses.replace(case.op.params, requant=scale))
        share = np.mean(library.run(case.op, case.x) != wrong.run(case.x))
        assert share > 0.08, case.op.kind


def test_cmsis_nn_wraps_single_rounding_from_2_to_the_30_on():
    """A known limit of the library, whose sum of 2^30 becomes negative; the contract holds one of 2^31."""
    library = load_cmsis_nn(Rounding.SINGLE)
    found = {}
    for bias in (2**30 - 1, 2**30):
        scale = Requant((2**31 - 1,), (0,), Rounding.SINGLE)
        params = WeightedParams(np.zeros((1, 1), np.int8), np.array([bias], np.int32), scale, 0, 0, -128, 127)
        op, x = LinearStep(params), np.zeros((1, 1, 1), np.int8)
        found[bias] = (library.run(op, x).item(), op.run(x).item())
    assert found == {2**30 - 1: (127, 127), 2**30: (-128, 127)}

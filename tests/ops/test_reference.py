"""Every step computes what docs/numerics.md says, element by element in plain integers."""

import numpy as np
import pytest

from mcuq.ir.integer import Rounding
from mcuq.ir.types import DType
from mcuq.ops.registry import STEP_OPS
from tests.builders import mixed_codes
from tests.ops.examples import REFERENCES, examples

SAMPLES = 6


def example_inputs(example, samples=SAMPLES, seed=0):
    rng = np.random.default_rng([seed, len(example.shapes)])
    pairs = zip(example.shapes, example.zero_points, strict=True)
    return [mixed_codes(rng, shape, zero_point, samples) for shape, zero_point in pairs]


def expected_output(example, xs):
    """The reference's output, `[samples, ...]`."""
    rows = []
    for arrays in zip(*xs, strict=True) if xs else [()]:
        rows.append(REFERENCES[example.op.kind](example.op, *(x.tolist() for x in arrays)))
    return np.array(rows)


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("kind", sorted(STEP_OPS))
def test_step_computes_the_reference(kind, rounding):
    for number, example in enumerate(examples(kind, 80, rounding, seed=1)):
        xs = example_inputs(example)
        found = example.op.run(*xs)
        samples = SAMPLES if xs else 1
        assert (samples, *example.op.infer(*example.shapes)) == found.shape
        (dtype,) = example.op.output_types(*(DType(x.dtype.name) for x in xs))
        assert dtype.numpy == found.dtype
        np.testing.assert_array_equal(expected_output(example, xs), found, f"example {number}: {example.op}")


@pytest.mark.parametrize("kind", sorted(STEP_OPS))
def test_outputs_stay_in_the_code_range(kind):
    for example in examples(kind, 20, Rounding.DOUBLE, seed=2):
        lo, hi = example.op.code_range()
        y = example.op.run(*example_inputs(example))
        assert lo <= y.min() and y.max() <= hi, example.op


@pytest.mark.parametrize("kind", sorted(STEP_OPS))
def test_samples_do_not_depend_on_each_other(kind):
    for example in examples(kind, 3, Rounding.DOUBLE, seed=3):
        xs = example_inputs(example)
        if not xs:
            continue
        alone = [example.op.run(*(x[i : i + 1] for x in xs)) for i in range(SAMPLES)]
        np.testing.assert_array_equal(np.concatenate(alone), example.op.run(*xs))


@pytest.mark.parametrize("kind", sorted(STEP_OPS))
def test_steps_do_not_write_to_their_inputs(kind):
    for example in examples(kind, 3, Rounding.DOUBLE, seed=4):
        xs = example_inputs(example)
        for x in xs:
            x.flags.writeable = False
        example.op.run(*xs)

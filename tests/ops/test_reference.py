"""Every step computes what docs/numerics.md says, element by element in plain integers."""

import numpy as np
import pytest

from mcuq.ir.integer import Rounding
from mcuq.ops.registry import STEP_OPS
from tests.builders import mixed_codes
from tests.ops.examples import REFERENCES, all_examples, examples

SAMPLES = 6


def example_inputs(example, samples=SAMPLES, seed=0):
    rng = np.random.default_rng([seed, len(example.shapes)])
    each = zip(example.shapes, example.zero_points, example.types, strict=True)
    return [mixed_codes(rng, shape, zero_point, samples, dtype) for shape, zero_point, dtype in each]


def expected_outputs(example, xs):
    """The reference's outputs, `[samples, ...]`; it returns a tuple where there are several."""
    rows = []
    for arrays in zip(*xs, strict=True) if xs else [()]:
        found = REFERENCES[example.op.kind](example.op, *(x.tolist() for x in arrays))
        rows.append(found if isinstance(found, tuple) else (found,))
    return [np.array(outputs) for outputs in zip(*rows, strict=True)]


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("kind", sorted(STEP_OPS))
def test_step_computes_the_reference(kind, rounding):
    for number, example in enumerate(all_examples(kind, 80, rounding, seed=1)):
        xs = example_inputs(example)
        found = example.op.run_outputs(*xs)
        samples = SAMPLES if xs else 1
        assert [(samples, *shape) for shape in example.op.infer_outputs(*example.shapes)] == [
            y.shape for y in found
        ]
        assert [dtype.numpy for dtype in example.op.output_types(*example.types)] == [y.dtype for y in found]
        for expected, y in zip(expected_outputs(example, xs), found, strict=True):
            np.testing.assert_array_equal(expected, y, f"example {number}: {example.op}")


@pytest.mark.parametrize("kind", sorted(STEP_OPS))
def test_outputs_stay_in_the_code_range(kind):
    for example in all_examples(kind, 20, Rounding.DOUBLE, seed=2):
        ys = example.op.run_outputs(*example_inputs(example))
        for (lo, hi), y in zip(example.op.code_ranges(), ys, strict=True):
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

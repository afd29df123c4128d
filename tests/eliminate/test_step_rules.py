"""What every step operator says of its channels is true: bounds, links and the operator on fewer channels."""

import dataclasses
from random import Random

import numpy as np
import pytest

from mcuq.ir.channels import Bounds, channel_count
from mcuq.ir.integer import Rounding
from mcuq.ir.program import StepOp
from mcuq.ops.registry import STEP_OPS
from tests.ops.examples import GENERATORS

# What says nothing of single channels needs every one; the rest must be able to go without some.
WHOLE = {kind for kind, op in STEP_OPS.items() if op.links is StepOp.links}
SEEDS = range(30)


def example(kind, seed):
    """A step with bounds of its inputs, some of whose channels are constant or not read."""
    chance, rng = Random(f"{kind} {seed}"), np.random.default_rng(seed)
    made = GENERATORS[kind](chance, chance.choice(list(Rounding)))
    op = made.op
    if kind in ("conv2d", "linear") and seed % 2:
        weights = op.params.weights * (rng.random(op.params.weights.shape[-1]) < 0.6)
        op = dataclasses.replace(op, params=dataclasses.replace(op.params, weights=weights.astype(np.int8)))
    each = zip(made.shapes, made.zero_points, made.types, strict=True)
    boxes = [box(rng, *parts) for parts in each]
    return op, boxes, rng


def box(rng, shape, zero_point, dtype):
    """Intervals of all kinds; channels of one code, of the zero point, and of a code per position."""
    limits = dtype.qmin, dtype.qmax
    ends = np.sort(rng.integers(limits[0], limits[1] + 1, (2, *shape)), axis=0)
    ends = np.where(rng.random(shape) < 0.3, np.array(limits).reshape(2, *[1] * len(shape)), ends)
    kinds = rng.integers(0, 5, shape[-1:])
    code = rng.integers(limits[0], limits[1] + 1, shape[-1:])
    ends = np.where(kinds == 0, code, ends)
    ends = np.where(kinds == 1, zero_point, ends)
    ends = np.where(kinds == 2, ends[:1], ends)
    return Bounds(*ends.astype(dtype.numpy))


def inside(rng, bounds, samples=12):
    """Codes within bounds: both ends, ends mixed, and anything between."""
    lo, hi = bounds.lo.astype(np.int64), bounds.hi.astype(np.int64)
    rows = [lo, hi] + [np.where(rng.random(lo.shape) < 0.5, lo, hi) for _ in range(4)]
    rows += [rng.integers(lo, hi + 1) for _ in range(samples - len(rows))]
    return np.stack(rows).astype(bounds.lo.dtype)


def close(links, inputs, output):
    """The least marks that hold the given ones and what they need, written down a second time."""
    before = None
    while before != (before := [*(m.tolist() for m in inputs), output.tolist()]):
        for mask, link in zip(inputs, links, strict=True):
            for source, target in zip(link.source, link.target, strict=True):
                if output[target]:
                    mask[source] = True
                if link.is_mutual and mask[source]:
                    output[target] = True


@pytest.mark.parametrize("kind", sorted(STEP_OPS))
def test_bounds_hold_every_output(kind):
    for seed in SEEDS:
        op, boxes, rng = example(kind, seed)
        found = op.bounds(*boxes)
        y = op.run(*(inside(rng, each) for each in boxes))
        assert found.lo.shape == found.hi.shape == y.shape[1:]
        assert (found.lo <= y).all() and (y <= found.hi).all(), f"seed {seed}"


@pytest.mark.parametrize("kind", sorted(set(STEP_OPS) - WHOLE))
def test_bounds_of_single_codes_are_the_output(kind):
    for seed in SEEDS:
        op, boxes, _ = example(kind, seed)
        points = [Bounds(each.lo, each.lo) for each in boxes]
        (y,) = op.run(*(each.lo[None] for each in boxes))
        found = op.bounds(*points)
        assert np.array_equal(found.lo, y) and np.array_equal(found.hi, y), f"seed {seed}"


@pytest.mark.parametrize("kind", sorted(set(STEP_OPS) - WHOLE))
def test_selected_channels_are_computed_as_before(kind):
    dropped = 0
    for seed in SEEDS:
        op, boxes, rng = example(kind, seed)
        xs = [inside(rng, each) for each in boxes]
        y = op.run(*xs)
        links = op.links(*boxes)
        if links is None:
            continue
        assert len(links) == len(boxes)
        inputs = [np.zeros(channel_count(each.lo.shape), bool) for each in boxes]
        output = rng.random(channel_count(y.shape[1:])) < 0.3
        output[rng.integers(len(output))] = True
        close(links, inputs, output)
        for mask in inputs:
            mask[0] |= not mask.any()
            close(links, inputs, output)
        smaller = op.select(inputs, output, boxes)
        narrow = [x[..., mask] if x.ndim > 1 else x for x, mask in zip(xs, inputs, strict=True)]
        expected = y[..., output] if y.ndim > 1 else y
        assert smaller.infer(*(x.shape[1:] for x in narrow)) == expected.shape[1:]
        assert np.array_equal(expected, smaller.run(*narrow)), f"seed {seed}"
        smaller.check(*((-128, 127) for _ in narrow))
        dropped += int((~output).sum()) + sum(int((~mask).sum()) for mask in inputs)
    assert dropped > 20, "no example drops anything"


def test_operators_that_can_lose_channels_are_these():
    """A rule that is lost would only make firmware larger: no other test would notice."""
    assert {"add", "conv2d", "depthwise_conv2d", "linear", "max_pool", "mul", "table"} <= set(
        STEP_OPS
    ) - WHOLE
    assert {"argmax", "softmax"} <= WHOLE


@pytest.mark.parametrize("kind", sorted(WHOLE))
def test_operators_along_channels_keep_them_all(kind):
    op, boxes, _ = example(kind, 0)
    assert op.links(*boxes) is None

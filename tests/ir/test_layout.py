import doctest
import math

import numpy as np
import pytest

from mcuq.ir import layout
from mcuq.ir.layout import (
    axis_before_reshape,
    compose,
    invert,
    is_reshape,
    permute,
    reshape_under,
    turn_like,
)


def test_layout_examples():
    assert doctest.testmod(layout).failed == 0


def random_case(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(int(size) for size in rng.choice([1, 1, 2, 3, 4, 6], size=rng.integers(1, 6)))
    perm = tuple(int(axis) for axis in rng.permutation(len(shape)))
    return rng, shape, perm


def random_shape(rng, size):
    """A shape with as many elements."""
    shape = []
    while size > 1:
        divisors = [d for d in range(2, size + 1) if size % d == 0]
        shape.append(int(divisors[rng.integers(len(divisors))]))
        size //= shape[-1]
    for _ in range(rng.integers(3)):
        shape.insert(int(rng.integers(len(shape) + 1)), 1)
    return tuple(shape)


@pytest.mark.parametrize("seed", range(300))
def test_reshape_under_is_the_same_in_the_other_order(seed):
    rng, shape, perm = random_case(seed)
    x = np.arange(math.prod(shape)).reshape(shape)
    new = random_shape(rng, x.size)
    found = reshape_under(shape, perm, new)
    if found is not None:
        np.testing.assert_array_equal(x.transpose(perm).reshape(new), x.reshape(found[0]).transpose(found[1]))


@pytest.mark.parametrize("seed", range(100))
def test_permutations_are_those_of_numpy(seed):
    rng, shape, perm = random_case(seed)
    x = np.arange(math.prod(shape)).reshape(shape)
    second = tuple(int(axis) for axis in rng.permutation(len(shape)))
    np.testing.assert_array_equal(x.transpose(perm).transpose(second), x.transpose(compose(perm, second)))
    np.testing.assert_array_equal(x, x.transpose(perm).transpose(invert(perm)))
    assert x.transpose(perm).shape == permute(shape, perm)
    keeps_order = (x.transpose(perm).reshape(-1) == x.reshape(-1)).all()
    assert is_reshape(shape, perm) == keeps_order


@pytest.mark.parametrize("seed", range(100))
def test_axis_before_reshape_holds_the_same_index(seed):
    rng, old, _ = random_case(seed)
    new = random_shape(rng, math.prod(old))
    for axis in range(len(new)):
        found = axis_before_reshape(old, new, axis)
        if found is not None:
            before, after = (
                np.arange(shape[i]).reshape([-1 if j == i else 1 for j in range(len(shape))])
                for shape, i in ((old, found), (new, axis))
            )
            np.testing.assert_array_equal(
                np.broadcast_to(before, old).reshape(-1), np.broadcast_to(after, new).reshape(-1)
            )


@pytest.mark.parametrize("seed", range(100))
def test_turn_like_orders_the_same_values(seed):
    rng, shape, _ = random_case(seed)
    other = [size for size in shape if size != 1]
    for _ in range(rng.integers(3)):
        other.insert(int(rng.integers(len(other) + 1)), 1)
    perm = tuple(int(axis) for axis in rng.permutation(len(other)))
    x = np.arange(math.prod(shape)).reshape(shape)
    turned = turn_like(shape, tuple(other), perm)
    np.testing.assert_array_equal(
        x.reshape(other).transpose(perm).reshape(-1), x.transpose(turned).reshape(-1)
    )

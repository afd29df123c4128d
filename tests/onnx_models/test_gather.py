"""Operators that take or place single values by constant indices, and functions by constants."""

import numpy as np
import pytest
from small_models import Net, save

from mcuq.errors import McuqError
from mcuq.frontend import read

from .checked import check_built
from .test_moves import ints

SHAPE = (2, 3, 4, 5)


def indices(net, size, shape, seed=0):
    return net.const(np.random.default_rng(seed).integers(-size, size, shape))


@pytest.mark.parametrize("axis", range(-4, 4))
def test_gather_elements_along_any_axis(axis, tmp_path):
    net = Net(18, x=SHAPE)
    shape = [2, 2, 3, 5]
    shape[axis] = 7
    y = net.add("GatherElements", "x", indices(net, SHAPE[axis], shape), axis=axis)
    assert check_built(net.model(y), tmp_path, least_db=30.0).steps() == ["resize_nearest"]


@pytest.mark.parametrize(("batch_dims", "depth"), [(0, 1), (0, 2), (0, 4), (1, 1), (1, 3), (2, 2)])
def test_gather_nd_of_values_and_slices(batch_dims, depth, tmp_path):
    net = Net(18, x=SHAPE)
    rng = np.random.default_rng(depth)
    sizes = SHAPE[batch_dims : batch_dims + depth]
    tuples = np.stack([rng.integers(-size, size, (*SHAPE[:batch_dims], 3, 2)) for size in sizes], -1)
    y = net.add("GatherND", "x", net.const(tuples), batch_dims=batch_dims)
    check_built(net.model(y), tmp_path, least_db=30.0)


def test_gather_of_neighbours_is_a_slice_or_a_view(tmp_path):
    net = Net(18, x=SHAPE)
    every = np.stack(np.meshgrid(np.arange(2), np.arange(3), indexing="ij"), -1)
    views = [
        net.add("GatherND", "x", net.const(every)),
        net.add("GatherND", "x", ints(net, 1).replace(" ", "")),
    ]
    assert set(check_built(net.model(*views), tmp_path).steps()) <= {"slice", "copy"}


def test_reverse_sequence_and_compress(tmp_path):
    net = Net(18, x=SHAPE)
    outputs = [
        net.add("ReverseSequence", "x", ints(net, 3, 1), batch_axis=0, time_axis=1),
        net.add("ReverseSequence", "x", ints(net, 2, 1, 0), batch_axis=1, time_axis=0),
        net.add("Compress", "x", net.const(np.array([True, False, True])), axis=1),
        net.add("Compress", "x", net.const(np.array([False, True, True, False])), axis=-1),
        net.add("Compress", "x", net.const(np.arange(50) % 7 == 2)),
    ]
    check_built(net.model(*outputs), tmp_path, least_db=30.0)


@pytest.mark.parametrize("reduction", ["none", "add", "mul", "max", "min"])
def test_scatter_elements_where_updates_meet(reduction, tmp_path):
    net = Net(18, x=(3, 6), u=(3, 4))
    at = np.array([[0, 2, 4, 5], [1, 0, 3, -1], [3, 2, 1, 0]])
    if reduction != "none":
        at[1, 2:] = -6, 0
    y = net.add("ScatterElements", "x", net.const(at), "u", axis=1, reduction=reduction)
    check_built(net.model(y), tmp_path, least_db=25.0)


@pytest.mark.parametrize("reduction", ["none", "add", "mul", "max", "min"])
def test_scatter_nd_of_slices(reduction, tmp_path):
    net = Net(18, x=(4, 3, 2))
    at = net.const(np.array([[1], [-1]] if reduction == "none" else [[2], [-2]]))
    y = net.add("ScatterND", "x", at, net.random(2, 3, 2), reduction=reduction)
    check_built(net.model(y), tmp_path, least_db=25.0)


def test_scatter_into_a_constant(tmp_path):
    net = Net(18, u=(2, 3))
    y = net.add("ScatterND", net.random(4, 3), net.const(np.array([[1], [2]])), "u")
    check_built(net.model(y), tmp_path, least_db=30.0)


@pytest.mark.parametrize("upper", [0, 1])
@pytest.mark.parametrize("k", [-2, 0, 1, None])
def test_trilu_with_zeros_beside_the_values(upper, k, tmp_path):
    net = Net(18, x=(2, 4, 5))
    inputs = ["x"] if k is None else ["x", net.const(np.array(k))]
    built = check_built(net.model(net.add("Trilu", *inputs, upper=upper)), tmp_path, least_db=30.0)
    assert set(built.steps()) <= {"constant", "concat", "resize_nearest", "table"}


@pytest.mark.parametrize("sizes", [(6, 3, 2, 7), (1, 4, 5, 5)])
def test_center_crop_pad(sizes, tmp_path):
    net = Net(18, x=SHAPE)
    outputs = [
        net.add("CenterCropPad", "x", ints(net, *sizes)),
        net.add("CenterCropPad", "x", ints(net, sizes[3], sizes[2]), axes=[-1, 1]),
    ]
    check_built(net.model(*outputs), tmp_path, least_db=30.0)


@pytest.mark.parametrize("op_type", ["GatherElements", "GatherND", "ScatterElements"])
@pytest.mark.parametrize("index", [6, -7, 2**40])
def test_indices_outside_are_refused(op_type, index, tmp_path):
    net = Net(18, x=(6, 3))
    inputs = ["x", net.const(np.array([[index]]))]
    inputs += [net.random(1, 1)] if op_type == "ScatterElements" else []
    with pytest.raises(McuqError) as caught:
        read(save(net.model(net.add(op_type, *inputs)), tmp_path))
    assert [problem.code for problem in caught.value.problems] == ["M006"]


def test_updates_that_meet_often_are_refused(tmp_path):
    net = Net(18, x=(6,))
    y = net.add("ScatterElements", "x", ints(net, *[3] * 9), net.random(9), reduction="add")
    with pytest.raises(McuqError, match="9 of its updates meet"):
        read(save(net.model(y), tmp_path))


def power(op_type, **attrs):
    return lambda net, c: net.add(op_type, "x", net.const(np.array(c)), **attrs)


@pytest.mark.parametrize(
    "constant",
    [
        2.0,
        [2.0],
        [1.0, 2.0, 3.0, 2.0],
        [[0.5], [2.0], [1.0]],
        [[[1.0, 2.0], [3.0, 0.5]]] * 3,
        [[2.0] * 4] * 2,
    ],
    ids=str,
)
def test_pow_by_constants_of_few_numbers(constant, tmp_path):
    constant = np.array(constant)
    shape = (3, 2, 2) if constant.ndim == 3 else (2, 3, 4) if constant.shape[0:1] == (3,) else (3, 1, 4)
    net = Net(18, x=shape)
    outputs = [net.add("Pow", "x", net.const(constant)), net.add("Pow", net.const(constant), "x")]
    check_built(net.model(*outputs), tmp_path, 0.2, 2.0)


@pytest.mark.parametrize("divisor", [1.5, -0.8, [[1.0], [-2.0], [0.7]]], ids=str)
def test_mod_by_constants(divisor, tmp_path):
    """Codes beside a jump may lie on its other side: none of the inputs does."""
    net = Net(18, x=(2, 3, 4))
    y = net.add("Mod", "x", net.const(np.array(divisor)), fmod=1)
    check_built(net.model(y), tmp_path, least_db=6.0)


def test_pow_by_many_numbers_is_refused(tmp_path):
    net = Net(18, x=(1, 17))
    with pytest.raises(McuqError, match="17 different numbers"):
        read(save(net.model(net.add("Pow", "x", net.const(np.arange(17.0)))), tmp_path))

"""Reductions over any axes, pools with every rounding, ArgMax and Softmax along any axis."""

import itertools

import numpy as np
import onnx
import pytest
from small_models import Net

from .checked import check_built
from .test_moves import ints

INT32, INT64 = onnx.TensorProto.INT32, onnx.TensorProto.INT64
SHAPES = [(1, 3, 4, 5), (2, 3, 4), (1, 6), (2, 3, 2, 2, 2)]


def with_types(model, kind, names=None):
    """The model with integer outputs."""
    for value in model.graph.output:
        if names is None or value.name in names:
            value.type.tensor_type.elem_type = kind
    return model


@pytest.mark.parametrize("op_type", ["ReduceMean", "ReduceMax", "ReduceSum"])
@pytest.mark.parametrize("shape", SHAPES)
def test_reduce_over_any_axes(op_type, shape, tmp_path):
    net = Net(18, x=shape)
    axes = [
        each for size in range(1, len(shape) + 1) for each in itertools.combinations(range(len(shape)), size)
    ]
    outputs = [net.add(op_type, "x", ints(net, *each), keepdims=len(each) % 2) for each in axes]
    outputs.append(net.add(op_type, "x"))
    check_built(net.model(*outputs), tmp_path, least_db=15.0)


@pytest.mark.parametrize("op_type", ["ReduceMean", "ReduceMax", "ReduceSum"])
def test_reduce_of_attributes_and_without_axes(op_type, tmp_path):
    net = Net(11, x=(1, 3, 4, 5))
    outputs = [net.add(op_type, "x", axes=[-1, 2], keepdims=0), net.add(op_type, "x", keepdims=0)]
    check_built(net.model(*outputs), tmp_path, least_db=15.0)
    net = Net(18, x=(1, 3, 4, 5))
    model = net.model(net.add(op_type, "x", noop_with_empty_axes=1))
    assert set(check_built(model, tmp_path).kinds()) <= {"table"}


@pytest.mark.parametrize("axes", [(2, 3), (1,), (3,), (1, 2, 3)])
def test_reduce_between_convolutions_makes_no_transpose(axes, tmp_path):
    net = Net(18, x=(1, 3, 4, 5))
    y = net.add("ReduceMean", net.conv("x", 3, 4, (1, 1)), ints(net, *axes))
    channels = 1 if 1 in axes else 4
    kinds = check_built(net.model(net.conv(y, channels, 2, (1, 1))), tmp_path, least_db=15.0).kinds()
    assert [kind for kind in kinds if kind != "reshape"] == ["conv2d", "mean", "conv2d"]


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("is_included", [0, 1])
@pytest.mark.parametrize("op_type", ["AveragePool", "MaxPool"])
def test_pools_with_ceil_mode(rank, is_included, op_type, tmp_path):
    """Exactly what onnxruntime computes, for every remainder, with and without padding."""
    if op_type == "MaxPool" and is_included:
        pytest.skip("a maximum counts nothing")
    attrs = {"count_include_pad": is_included} if op_type == "AveragePool" else {}
    net = Net(19, **{f"x{size}": (1, 2, *[size] * rank) for size in (6, 7, 8, 9)})
    outputs = [
        net.add(op_type, f"x{size}", kernel_shape=[3] * rank, strides=[stride] * rank, pads=pads * rank,
                ceil_mode=1, **attrs)
        for size in (6, 7, 8, 9) for stride in (2, 3, 4) for pads in ([0, 0], [1, 1])
    ]  # fmt: skip
    outputs.append(net.add(op_type, "x7", kernel_shape=[2] * rank, strides=[2] * rank, auto_pad="SAME_LOWER"))
    check_built(net.model(*outputs), tmp_path)


def test_global_pools(tmp_path):
    net = Net(17, x=(1, 3, 4, 5), y=(1, 3, 7))
    outputs = [net.add(f"Global{kind}Pool", name) for kind in ("Max", "Average") for name in ("x", "y")]
    check_built(net.model(*outputs), tmp_path)


@pytest.mark.parametrize("shape", SHAPES)
def test_argmax_and_softmax_along_any_axis(shape, tmp_path):
    net = Net(17, x=shape)
    outputs = [
        net.add("ArgMax", "x", axis=axis, keepdims=keep) for axis in range(-1, len(shape)) for keep in (0, 1)
    ]
    soft = [net.add("Softmax", "x", axis=axis) for axis in range(-1, len(shape))]
    model = with_types(net.model(*outputs, *soft), INT64, outputs)
    built = check_built(model, tmp_path, -4.0, 4.0)
    same = [np.mean(built.expected[name] == built.found[name]) for name in outputs]
    assert np.mean(same) > 0.9


def test_argmin_along_any_axis(tmp_path):
    net = Net(17, x=(2, 3, 4))
    outputs = [net.add("ArgMin", "x", axis=axis, keepdims=axis % 2) for axis in range(3)]
    built = check_built(with_types(net.model(*outputs), INT64, outputs), tmp_path)
    assert set(built.steps()) <= {"table", "transpose", "argmax"}
    assert np.mean([np.mean(built.expected[name] == built.found[name]) for name in outputs]) > 0.95


def test_argmax_of_codes_takes_the_first(tmp_path):
    net = Net(17, x=(1, 8))
    model = with_types(net.model(net.add("ArgMax", net.add("Round", "x"), axis=1)), INT64)
    built = check_built(model, tmp_path)
    assert built.steps() == ["table", "argmax"]
    (name,) = built.found
    np.testing.assert_array_equal(built.expected[name], built.found[name])


def test_segmentation_ends_in_indices(tmp_path):
    net = Net(17, x=(1, 3, 6, 5))
    y = net.add("ArgMax", net.conv("x", 3, 4, (3, 3), pads=[1, 1, 1, 1]), axis=1, keepdims=0)
    model = with_types(net.model(net.add("Cast", y, to=INT32)), INT32)
    assert check_built(model, tmp_path).kinds() == ["conv2d", "argmax"]

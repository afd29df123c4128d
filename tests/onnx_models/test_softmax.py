"""Softmax and its logarithm along any axis, in every opset and where numbers are extreme."""

import numpy as np
import pytest
from small_models import Net

from .checked import check_built

AXES = [
    ((2, 3, 5), -1), ((2, 3, 5), 1), ((2, 3, 5), 0), ((1, 4, 3, 6), 1),
    ((1, 4, 3, 6), -2), ((7,), 0), ((5, 1), 1),
]  # fmt: skip


@pytest.mark.parametrize("op_type", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("opset", [9, 11, 13, 21])
@pytest.mark.parametrize(("x", "axis"), AXES)
def test_any_axis(op_type, opset, x, axis, tmp_path):
    """Before opset 13 all axes from the one on are one row."""
    net = Net(opset, x=x)
    # Behind a factor: a model whose output is always the same has no scale to be judged by.
    y = net.add(op_type, net.add("Mul", "x", net.const(np.float32(1.5))), axis=axis)
    kind = {"Softmax": "softmax", "LogSoftmax": "log_softmax"}[op_type]
    assert check_built(net.model(y), tmp_path, least_db=25.0).steps().count(kind) == 1


def test_log_softmax_without_an_axis(tmp_path):
    for opset in (7, 12, 13, 17):
        net = Net(opset, x=(2, 3, 4))
        check_built(net.model(net.add("LogSoftmax", "x")), tmp_path, least_db=30.0)


@pytest.mark.parametrize("length", [1, 2, 10, 1200])
@pytest.mark.parametrize("largest", [1e-3, 1.0, 20.0, 1e4])
def test_log_softmax_of_rows_of_any_length_and_size(length, largest, tmp_path):
    net = Net(17, x=(3, length))
    built = check_built(net.model(net.add("LogSoftmax", "x")), tmp_path, -largest, largest, least_db=35.0)
    assert built.steps() == ["log_softmax"]


def test_log_softmax_of_equal_values(tmp_path):
    net = Net(17, x=(2, 6))
    y = net.add("LogSoftmax", net.add("Mul", "x", net.const(np.zeros(6, np.float32))))
    built = check_built(net.model(y), tmp_path, least_db=45.0)
    for found in built.found.values():
        np.testing.assert_allclose(found, -np.log(6.0), atol=0.01)


@pytest.mark.parametrize("is_bidirectional", [False, True])
def test_convolutional_recurrent_network_with_log_softmax(is_bidirectional, tmp_path):
    """As a reader of text: columns of a picture through a GRU, a class by column for CTC."""
    net, units, directions = Net(17, x=(1, 1, 8, 24)), 6, 1 + is_bidirectional
    y = net.add("Relu", net.conv("x", 1, 6, (3, 3), pads=[1, 1, 1, 1], strides=[2, 2]))
    y = net.add("Relu", net.conv(y, 6, 8, (3, 3), pads=[1, 1, 1, 1], strides=[2, 1]))
    y = net.add("Transpose", y, perm=[3, 0, 1, 2])
    y = net.add("Reshape", y, net.const(np.array([12, 1, 16], np.int64)))
    weights = [net.random(directions, 3 * units, size) for size in (16, units, 2)]
    bias = net.random(directions, 6 * units)
    more = {"direction": "bidirectional"} if is_bidirectional else {}
    y = net.add("GRU", y, *weights[:2], bias, hidden_size=units, outputs=["gru"], **more)
    y = net.add("Transpose", y, perm=[0, 2, 1, 3])
    y = net.add("Reshape", y, net.const(np.array([12, 1, directions * units], np.int64)))
    y = net.add("MatMul", y, net.random(directions * units, 11))
    y = net.add("LogSoftmax", net.add("Add", y, net.random(11)), axis=2)
    steps = check_built(net.model(y), tmp_path, least_db=25.0).steps()
    assert steps.count("gru") == directions and steps[-1] == "log_softmax"

"""Many operators in one model each, compiled, and compared value by value with the simulator."""

import numpy as np
import pytest
from small_models import Net, save

from mcuq.api import build

from .test_arithmetic import SHAPES
from .test_moves import MOVERS, ints
from .test_tables import CHAINS

IMAGE = (1, 3, 6, 5)


def all_tables():
    net = Net(20, x=IMAGE)
    return net, [each(net, net.batchnorm(net.conv("x", 3, 4, (2, 2)), 4)) for each in CHAINS.values()]


def all_moves():
    net = Net(18, x=IMAGE, y=(2, 3, 2, 3, 2))
    outputs = [each(net, net.conv("x", 3, 4, (1, 1))) for each, _, _ in MOVERS.values()]
    outputs.append(net.add("Pad", "y", ints(net, 0, 1, 0, 2, 0, 0, 0, 0, 1, 0)))
    outputs.append(net.add("Flatten", net.add("Transpose", net.add("Sigmoid", "y"))))
    return net, outputs


def all_arithmetic():
    net = Net(18, x=IMAGE)
    x = net.add("Sigmoid", net.conv("x", 3, 3, (1, 1)))
    outputs = []
    for op_type in ("Add", "Sub", "Mul", "Div", "Max", "Min"):
        for shape in SHAPES.values():
            c = net.const(net.rng.uniform(0.5, 2, shape))
            outputs += [net.add(op_type, x, c), net.add(op_type, c, x)]
    return net, outputs


def all_reductions():
    net = Net(18, x=IMAGE)
    x = net.conv("x", 3, 4, (1, 1))
    outputs = [net.add("ArgMax", x, axis=axis, keepdims=axis % 2) for axis in range(4)]
    outputs.append(net.add("Cast", net.add("ArgMax", net.add("Flatten", x), axis=1), to=6))
    for op_type in ("ReduceMean", "ReduceMax", "ReduceSum"):
        outputs += [net.add(op_type, x, ints(net, *axes)) for axes in ((1,), (2, 3), (1, 3), (0, 1, 2, 3))]
    outputs += [net.add("Softmax", x, axis=axis) for axis in range(4)]
    pool = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 0, 0, 1], "ceil_mode": 1}
    outputs += [net.add("AveragePool", x, **pool, count_include_pad=each) for each in (0, 1)]
    outputs += [net.add("MaxPool", x, **pool), net.add("GlobalMaxPool", x)]
    return net, [*outputs, x]


def all_attention():
    """Scores and weights in int16, weights of int8 scores in int16, and all in int8."""
    net = Net(18, x=(1, 3, 20, 12), mask=(20, 20))
    q, k, v = (net.add("MatMul", "x", net.random(12, 12)) for _ in range(3))
    turned = net.add("Transpose", k, perm=[0, 1, 3, 2])
    scores = net.add("Mul", net.add("MatMul", q, turned), net.const(np.float32(0.1)))
    masked = net.add("Add", net.add("MatMul", k, turned), "mask")
    weights = [net.add("Softmax", each, axis=-1) for each in (scores, masked, net.add("MatMul", v, turned))]
    outputs = [net.add("MatMul", each, v) for each in weights]
    outputs += [net.add("LogSoftmax", net.add("Sigmoid", masked), axis=axis) for axis in range(4)]
    return net, [*outputs, weights[2]]


@pytest.mark.parametrize("make", [all_tables, all_moves, all_arithmetic, all_reductions, all_attention])
def test_firmware_equals_the_simulator(make, tmp_path):
    net, outputs = make()
    result = build(save(net.model(*outputs), tmp_path), "host", output=tmp_path / "out", verify="host")
    assert result.report.first_difference is None
    assert result.report.values_compared > 50_000


def test_firmware_of_outputs_that_share_memory(tmp_path):
    """An input, a tensor in the middle, the same tensor twice, and views of it."""
    net = Net(18, x=IMAGE)
    y = net.add("Relu", net.conv("x", 3, 4, (1, 1)))
    views = [
        net.add("Identity", "x"),
        net.add("Identity", y),
        net.add("Reshape", y, net.const(np.array([4, 30]))),
        net.add("Transpose", y, perm=[0, 2, 3, 1]),
        net.add("Flatten", net.add("Transpose", y, perm=[0, 2, 3, 1])),
        net.conv(y, 4, 2, (1, 1)),
    ]
    result = build(save(net.model(y, *views), tmp_path), "host", output=tmp_path / "out", verify="host")
    assert result.report.first_difference is None
    assert len(result.plan.program.outputs) == 7

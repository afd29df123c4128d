"""Addition, subtraction, multiplication and division of tensors and constants, with broadcasting."""

import numpy as np
import pytest
from small_models import Net

from .checked import check_built

IMAGE = (1, 3, 6, 5)
SHAPES = {
    "same": IMAGE,
    "channel": (1, 3, 1, 1),
    "channel of rank 3": (3, 1, 1),
    "number": (1,),
    "scalar": (),
    "map": (1, 1, 6, 5),
    "matrix": (6, 5),
    "row": (5,),
    "column": (6, 1),
    "channel and column": (3, 6, 1),
}


@pytest.mark.parametrize("op_type", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("side", [0, 1])
def test_arithmetic_with_a_constant(op_type, shape, side, tmp_path):
    """Between convolutions, so that the constant has to be turned with the tensor."""
    net = Net(17, x=IMAGE)
    x = net.add("Sigmoid", net.conv("x", 3, 3, (1, 1)))  # positive, for division
    c = net.const(net.rng.uniform(0.5, 2, SHAPES[shape]))
    y = net.add(op_type, *((c, x) if side else (x, c)))
    check_built(net.model(net.conv(y, 3, 2, (2, 2))), tmp_path)


@pytest.mark.parametrize("op_type", ["Add", "Sub", "Mul", "Div", "Max", "Min"])
@pytest.mark.parametrize("shape", [name for name in SHAPES if name not in ("scalar", "number")])
@pytest.mark.parametrize("side", [0, 1])
def test_arithmetic_with_a_tensor(op_type, shape, side, tmp_path):
    net = Net(17, x=IMAGE, y=SHAPES[shape])
    x, y = net.add("Sigmoid", net.conv("x", 3, 3, (1, 1))), net.add("Softplus", "y")
    z = net.add(op_type, *((y, x) if side else (x, y)))
    check_built(net.model(net.conv(z, 3, 2, (1, 1))), tmp_path, least_db=18.0)


def test_arithmetic_of_constants_that_grow_the_tensor(tmp_path):
    net = Net(17, x=(1, 3, 1, 5))
    y = net.add("Add", "x", net.random(1, 3, 4, 1))
    z = net.add("Mul", net.random(2, 1, 1, 1, 1), y)
    assert check_built(net.model(z), tmp_path).kinds() == ["add", "mul"]


def test_arithmetic_makes_no_transpose(tmp_path):
    """A map per position, a number per channel, a plain tensor and a scalar meet NHWC tensors."""
    net = Net(17, x=IMAGE)
    x = net.conv("x", 3, 4, (1, 1))
    gate = net.add("Sigmoid", net.conv(net.add("GlobalAveragePool", x), 4, 4, (1, 1)))
    spot = net.add("Sigmoid", net.conv(x, 4, 1, (1, 1)))
    y = net.add("Mul", net.add("Mul", x, gate), spot)
    y = net.add("Add", net.add("Sub", y, net.random(4, 6, 5)), net.random(6, 1))
    built = check_built(net.model(net.conv(y, 4, 2, (1, 1))), tmp_path)
    assert "transpose" not in built.kinds() and "reshape" not in built.kinds()


def test_squeeze_and_excite_of_linear_layers(tmp_path):
    net = Net(17, x=IMAGE)
    x = net.add("Relu", net.conv("x", 3, 8, (3, 3)))
    s = net.add("Flatten", net.add("GlobalAveragePool", x))
    s = net.add("Relu", net.add("Gemm", s, net.random(8, 4)))
    s = net.add("HardSigmoid", net.add("Gemm", s, net.random(4, 8)))
    s = net.add("Reshape", s, net.const(np.array([1, 8, 1, 1])))
    built = check_built(net.model(net.conv(net.add("Mul", x, s), 8, 3, (1, 1))), tmp_path)
    assert built.steps() == ["conv2d", "mean", "linear", "linear", "mul", "conv2d"]


def test_sum_mean_max_and_min_of_several(tmp_path):
    net = Net(17, x=IMAGE, y=IMAGE, z=(1, 3, 1, 1))
    outputs = [net.add(op, "x", net.random(3, 1, 1), "y", "z") for op in ("Sum", "Mean", "Max", "Min")]
    check_built(net.model(*outputs), tmp_path)


def test_max_and_min_with_numbers_are_clips(tmp_path):
    net = Net(17, x=IMAGE)
    y = net.add("Min", net.const(1.5), net.add("Max", net.conv("x", 3, 2, (1, 1)), net.const([-0.5])))
    assert check_built(net.model(y), tmp_path).kinds() == ["conv2d"]


def test_scales_fold_into_the_layers_around_them(tmp_path):
    net = Net(17, x=IMAGE)
    y = net.add("Div", net.add("Sub", "x", net.random(3, 1, 1)), net.const(0.25))
    y = net.add("Mul", net.conv(y, 3, 4, (2, 2)), net.random(1, 4, 1, 1))
    y = net.add("Add", net.const(0.5), y)
    assert check_built(net.model(net.add("Relu", y)), tmp_path).kinds() == ["conv2d"]

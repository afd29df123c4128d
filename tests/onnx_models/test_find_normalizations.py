"""Normalizations that exporters spell out are one step, whatever their parts look like."""

import numpy as np
import pytest
from small_models import Net

from .checked import check_built


def spelled(net, x, axes, *, is_centred=True, square="Pow", opset=16):
    """`(x - mean) / sqrt(variance + 1e-5)`."""
    d = x
    if is_centred:
        d = net.add("Sub", x, net.add("ReduceMean", x, axes=axes))
    squares = net.add("Pow", d, net.const(np.float32(2))) if square == "Pow" else net.add("Mul", d, d)
    variance = net.add("ReduceMean", squares, axes=axes)
    root = net.add("Sqrt", net.add("Add", variance, net.const(np.float32(1e-5))))
    return net.add("Div", d, root)


@pytest.mark.parametrize("square", ["Pow", "Mul"])
@pytest.mark.parametrize(("x", "axes"), [((3, 16), [-1]), ((1, 5, 16), [2]), ((1, 4, 3, 8), [-1])])
def test_spelled_out_layer_normalization(x, axes, square, tmp_path):
    net = Net(16, x=x)
    y = spelled(net, "x", axes, square=square)
    y = net.add("Add", net.add("Mul", y, net.random(x[-1])), net.random(x[-1]))
    assert check_built(net.model(y), tmp_path).steps() == ["normalize"]


def test_spelled_out_root_mean_square(tmp_path):
    net = Net(16, x=(1, 5, 16))
    y = net.add("Mul", net.random(16), spelled(net, "x", [-1], is_centred=False))
    assert check_built(net.model(y), tmp_path).steps() == ["normalize"]


def test_spelled_out_instance_and_channel_normalization(tmp_path):
    net = Net(16, x=(1, 8, 6, 5))
    y = spelled(net, net.conv("x", 8, 8, (1, 1)), [2, 3])
    y = net.add("Add", net.add("Mul", y, net.random(8, 1, 1)), net.random(8, 1, 1))
    y = spelled(net, net.conv(y, 8, 6, (1, 1)), [1])
    y = net.add("Mul", y, net.random(6, 1, 1))
    assert check_built(net.model(y), tmp_path).steps() == ["conv2d", "normalize", "conv2d", "normalize"]


def test_instances_between_reshapes_are_groups(tmp_path):
    net = Net(17, x=(1, 8, 4, 5))
    y = net.conv("x", 8, 8, (1, 1))
    flat = net.add("Reshape", y, net.const(np.array([0, 2, -1], np.int64)))
    ones, zeros = (net.const(np.full(2, value, np.float32)) for value in (1, 0))
    y = net.add("InstanceNormalization", flat, ones, zeros)
    y = net.add("Reshape", y, net.const(np.array([1, 8, 4, 5], np.int64)))
    y = net.add("Add", net.add("Mul", y, net.random(8, 1, 1)), net.random(8, 1, 1))
    assert check_built(net.model(net.add("Relu", y)), tmp_path).steps() == ["conv2d", "normalize"]


def test_what_only_looks_like_a_normalization_stays(tmp_path):
    """A mean along another axis than the variance, and a square root of something else."""
    net = Net(16, x=(1, 4, 4))
    d = net.add("Sub", "x", net.add("ReduceMean", "x", axes=[1]))
    variance = net.add("ReduceMean", net.add("Mul", d, d), axes=[2])
    root = net.add("Sqrt", net.add("Add", variance, net.const(np.float32(0.5))))
    y = net.add("Div", d, root)
    other = net.add("ReduceMean", net.add("Mul", "x", "x"), axes=[2])
    z = net.add("Div", "x", net.add("Add", net.add("Sqrt", other), net.const(np.float32(0.5))))
    kinds = check_built(net.model(y, z), tmp_path).kinds()
    assert kinds.count("normalize") == 1 and "add" in kinds

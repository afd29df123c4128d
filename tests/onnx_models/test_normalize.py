"""Normalizations at run time are one step each, in every layout and every way to write them."""

import numpy as np
import pytest
from small_models import Net

from .checked import check_built


@pytest.mark.parametrize(
    ("x", "axis", "opset"),
    [((3, 16), -1, 17), ((1, 5, 16), 2, 17), ((2, 3, 4, 8), -1, 17), ((1, 4, 3, 5), 1, 17), ((24,), 0, 17)],
)
@pytest.mark.parametrize("has_bias", [False, True])
def test_layer_normalization(x, axis, opset, has_bias, tmp_path):
    net = Net(opset, x=x)
    more = [net.random(*x[axis:]) for _ in range(1 + has_bias)]
    y = net.add("LayerNormalization", "x", *more, axis=axis, epsilon=1e-3)
    assert check_built(net.model(y), tmp_path).steps() == ["normalize"]


def test_layer_normalization_of_channels_between_convolutions(tmp_path):
    """The transposes around it go, and so does the activation behind."""
    net = Net(17, x=(1, 3, 6, 5))
    y = net.add("Transpose", net.conv("x", 3, 8, (3, 3)), perm=[0, 2, 3, 1])
    y = net.add("Relu", net.add("LayerNormalization", y, net.random(8), net.random(8)))
    y = net.conv(net.add("Transpose", y, perm=[0, 3, 1, 2]), 8, 4, (1, 1))
    assert check_built(net.model(y), tmp_path).steps() == ["conv2d", "normalize", "conv2d"]


@pytest.mark.parametrize("x", [(1, 4, 6, 5), (2, 3, 4, 4), (1, 3, 20), (1, 2, 3, 4, 2)])
def test_instance_normalization(x, tmp_path):
    net = Net(17, x=x)
    y = net.add("InstanceNormalization", "x", net.random(x[1]), net.random(x[1]))
    assert check_built(net.model(y), tmp_path).steps().count("normalize") == 1


@pytest.mark.parametrize("groups", [1, 2, 4, 8])
def test_group_normalization(groups, tmp_path):
    net = Net(21, x=(1, 8, 4, 5))
    y = net.conv("x", 8, 8, (1, 1))
    y = net.add("GroupNormalization", y, net.random(8), net.random(8), num_groups=groups)
    assert check_built(net.model(y), tmp_path).steps() == ["conv2d", "normalize"]


@pytest.mark.parametrize(("x", "axis"), [((3, 16), -1), ((1, 6, 4, 5), 1), ((2, 5, 3), 1)])
def test_lp_normalization(x, axis, tmp_path):
    net = Net(17, x=x)
    built = check_built(net.model(net.add("LpNormalization", "x", axis=axis, p=2)), tmp_path)
    assert built.steps().count("normalize") == 1


@pytest.mark.parametrize(("x", "axis"), [((3, 16), -1), ((1, 4, 3, 5), 2)])
def test_rms_normalization(x, axis, tmp_path):
    net = Net(23, x=x)
    y = net.add("RMSNormalization", "x", net.random(*x[axis:]), axis=axis)
    assert check_built(net.model(y), tmp_path).steps() == ["normalize"]


def test_scale_and_shift_behind_a_normalization_are_its_own(tmp_path):
    net = Net(17, x=(1, 5, 16))
    y = net.add("LayerNormalization", "x", net.const(np.ones(16, np.float32)))
    y = net.add("Relu", net.add("Add", net.add("Mul", y, net.random(16)), net.random(16)))
    assert check_built(net.model(y), tmp_path).steps() == ["normalize"]


def test_a_group_of_equal_values_gives_the_bias(tmp_path):
    """Also without epsilon, where ONNX divides zero by zero."""
    net = Net(17, x=(1, 4))
    y = net.add("Mul", "x", net.const(np.zeros(4, np.float32)))
    y = net.add("LayerNormalization", y, net.random(4), net.random(4), epsilon=1e-5)
    assert check_built(net.model(y), tmp_path).found

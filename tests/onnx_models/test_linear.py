"""Every form of Gemm and MatMul with one constant factor, and convolutions."""

import itertools

import numpy as np
import pytest
from small_models import Net

from .checked import check_built


@pytest.mark.parametrize("is_left", [False, True])
@pytest.mark.parametrize("bias", [None, (), (1,), (4,), (3, 1), (1, 4), (3, 4), "tensor"])
def test_gemm(is_left, bias, tmp_path):
    """`alpha A' B' + beta C` with A' `[3, 5]` and B' `[5, 4]`."""
    for trans_a, trans_b in itertools.product((0, 1), (0, 1)):
        a, b = ((5, 3) if trans_a else (3, 5)), ((4, 5) if trans_b else (5, 4))
        shapes = {"x": b if is_left else a} | ({"c": (3, 4)} if bias == "tensor" else {})
        net = Net(13, **shapes)
        factors = [net.random(*a), "x"] if is_left else ["x", net.random(*b)]
        if bias is not None:
            factors.append("c" if bias == "tensor" else net.random(*bias))
        y = net.add("Gemm", *factors, transA=trans_a, transB=trans_b, alpha=0.5, beta=1.5)
        steps = check_built(net.model(y), tmp_path).steps()
        assert steps.count("linear") == 1 and "transpose" not in steps


@pytest.mark.parametrize(
    ("x", "w", "is_left"),
    [
        ((1, 5), (5, 4), False), ((2, 3, 5), (5, 4), False), ((5,), (5, 4), False), ((3, 5), (5,), False),
        ((2, 2, 3, 5), (1, 1, 5, 4), False), ((5, 4), (3, 5), True), ((2, 5, 4), (3, 5), True),
        ((5,), (3, 5), True), ((5, 4), (5,), True), ((2, 5, 4), (5,), True), ((5,), (5,), False),
    ],
)  # fmt: skip
def test_matmul(x, w, is_left, tmp_path):
    net = Net(17, x=x)
    y = net.add("MatMul", *((net.random(*w), "x") if is_left else ("x", net.random(*w))))
    assert check_built(net.model(y), tmp_path).steps().count("linear") == 1


def test_matmul_and_add_are_one_layer(tmp_path):
    net = Net(17, x=(1, 3, 4, 5))
    y = net.add("Flatten", net.add("Relu", net.conv("x", 3, 4, (2, 2))))
    y = net.add("Add", net.add("MatMul", y, net.random(48, 6)), net.random(6))
    built = check_built(net.model(net.add("Relu", y)), tmp_path)
    assert built.kinds() == ["conv2d", "reshape", "linear"]


CONVOLUTIONS = {
    "plain": ((1, 4, 8, 7), (6, 4, 3, 2), {}),
    "groups": ((1, 4, 8, 7), (6, 2, 3, 3), {"group": 2}),
    "depthwise": ((1, 4, 8, 7), (8, 1, 3, 3), {"group": 4, "pads": [1, 1, 1, 1]}),
    "dilations": ((1, 4, 9, 8), (3, 4, 3, 2), {"dilations": [2, 3]}),
    "asymmetric pads": ((1, 4, 8, 7), (3, 4, 3, 3), {"pads": [0, 2, 1, 0], "strides": [2, 1]}),
    "same upper": ((1, 4, 8, 7), (3, 4, 4, 3), {"auto_pad": "SAME_UPPER", "strides": [3, 2]}),
    "same lower": ((1, 4, 8, 7), (3, 4, 4, 3), {"auto_pad": "SAME_LOWER", "strides": [2, 2]}),
    "valid": ((1, 4, 8, 7), (3, 4, 4, 3), {"auto_pad": "VALID"}),
    "one dimension": ((1, 4, 12), (3, 4, 3), {"pads": [2, 0], "strides": [2]}),
    "one dimension dilated": ((1, 4, 12), (4, 2, 3), {"group": 2, "dilations": [3]}),
    "batch": ((2, 4, 5, 5), (3, 4, 3, 3), {}),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions(name, tmp_path):
    shape, weights, attrs = CONVOLUTIONS[name]
    net = Net(17, x=shape)
    y = net.add("Conv", "x", net.random(*weights), net.random(weights[0]), **attrs)
    built = check_built(net.model(net.add("HardSwish", y)), tmp_path)
    assert [step for step in built.steps() if not step.endswith("conv2d")] == ["table"]


def test_convolution_behind_a_table_keeps_its_batchnorm(tmp_path):
    """Batch normalization goes into the convolution before the activation can take anything in."""
    net = Net(17, x=(1, 3, 8, 7))
    y = net.batchnorm(net.conv("x", 3, 4, (3, 3)), 4)
    y = net.add("Mul", y, net.add("Sigmoid", y))
    y = net.batchnorm(net.conv(y, 4, 4, (1, 1)), 4)
    y = net.add("Add", y, net.add("LeakyRelu", net.batchnorm(net.conv("x", 3, 4, (3, 3)), 4)))
    built = check_built(net.model(y), tmp_path)
    assert built.kinds().count("conv2d") == 3
    assert np.isin(built.kinds(), ["conv2d", "table", "add"]).all() and built.kinds().count("table") == 2


def test_weights_that_are_computed_from_constants(tmp_path):
    """Weight normalization, `g v / |v|`, as it is exported before it is removed."""
    net = Net(13, x=(1, 3, 6, 5))
    v = net.random(4, 3, 2, 2)
    norm = net.add("ReduceL2", v, axes=[1, 2, 3], keepdims=1)
    w = net.add("Mul", net.add("Div", v, norm), net.random(4, 1, 1, 1))
    built = check_built(net.model(net.add("Conv", "x", w)), tmp_path)
    assert built.kinds() == ["conv2d"]

"""Products of two tensors: leading axes broadcast, transposes and factors around them cost nothing."""

import itertools

import numpy as np
import pytest
from small_models import Net

from .checked import check_built


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((3, 5), (5, 4)), ((1, 3, 5), (1, 5, 4)), ((2, 3, 5), (2, 5, 4)), ((2, 3, 5), (5, 4)),
        ((5,), (5, 4)), ((3, 5), (5,)), ((5,), (5,)), ((2, 3, 5), (5,)), ((2, 3, 3, 5), (1, 3, 5, 4)),
        ((2, 1, 3, 5), (3, 5, 4)), ((1, 2, 3, 2, 5), (1, 2, 1, 5, 4)), ((4, 1), (1, 6)),
    ],
)  # fmt: skip
def test_matmul_of_two_tensors(a, b, tmp_path):
    net = Net(17, x=a, z=b)
    steps = check_built(net.model(net.add("MatMul", "x", "z")), tmp_path).steps()
    assert steps.count("matmul") == 1 and "transpose" not in steps


@pytest.mark.parametrize(("x", "w", "is_left"), [((2, 3, 5), (2, 5, 4), False), ((3, 5), (2, 4, 3), True)])
def test_matmul_with_a_batch_of_constants(x, w, is_left, tmp_path):
    net = Net(17, x=x)
    y = net.add("MatMul", *((net.random(*w), "x") if is_left else ("x", net.random(*w))))
    assert check_built(net.model(y), tmp_path).steps().count("matmul") == 1


@pytest.mark.parametrize("bias", [None, (), (4,), (3, 1), "tensor"])
def test_gemm_of_two_tensors(bias, tmp_path):
    """`alpha A' B' + beta C` with A' `[3, 5]` and B' `[5, 4]`."""
    for trans_a, trans_b in itertools.product((0, 1), (0, 1)):
        shapes = {"a": (5, 3) if trans_a else (3, 5), "b": (4, 5) if trans_b else (5, 4)}
        net = Net(13, **shapes, **({"c": (3, 4)} if bias == "tensor" else {}))
        more = [] if bias is None else ["c" if bias == "tensor" else net.random(*bias)]
        y = net.add("Gemm", "a", "b", *more, transA=trans_a, transB=trans_b, alpha=0.5, beta=1.5)
        steps = check_built(net.model(y), tmp_path).steps()
        assert steps.count("matmul") == 1 and "transpose" not in steps


def test_attention_is_products_and_a_softmax(tmp_path):
    """Scales of queries and keys, the order of the heads and the transposed keys cost no step."""
    net = Net(17, x=(1, 6, 8))
    heads = net.const(np.array([1, 6, 2, 4], np.int64))
    turned = []
    for perm in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]):
        y = net.add("Reshape", net.add("MatMul", "x", net.random(8, 8)), heads)
        turned.append(net.add("Transpose", y, perm=perm))
    q, k = (net.add("Mul", each, net.const(np.float32(0.7))) for each in turned[:2])
    p = net.add("Softmax", net.add("MatMul", q, k), axis=-1)
    y = net.add("Transpose", net.add("MatMul", p, turned[2]), perm=[0, 2, 1, 3])
    built = check_built(net.model(net.add("Reshape", y, net.const(np.array([1, 6, 8], np.int64)))), tmp_path)
    assert sorted(built.steps()) == ["linear"] * 3 + ["matmul"] * 2 + ["softmax", "transpose"]


@pytest.mark.parametrize("where", ["left", "behind"])
def test_a_scale_is_the_gain_of_a_product(where, tmp_path):
    net = Net(17, x=(1, 2, 3, 5), z=(1, 2, 5, 4))
    scale = net.const(np.float32(0.125))
    left = net.add("Mul", "x", scale) if where == "left" else "x"
    y = net.add("MatMul", left, "z")
    y = y if where == "left" else net.add("Relu", net.add("Mul", y, scale))
    assert check_built(net.model(y), tmp_path).steps() == ["matmul"]


def test_a_negative_scale_stays_a_step(tmp_path):
    net = Net(17, x=(2, 3), z=(3, 4))
    y = net.add("Neg", net.add("MatMul", "x", "z"))
    assert check_built(net.model(y), tmp_path).steps() == ["matmul", "table"]

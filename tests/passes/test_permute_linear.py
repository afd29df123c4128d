import pytest

from mcuq.onnxio.standard import TO_NCHW, TO_NHWC
from mcuq.passes.permute_linear import permute_linear
from mcuq.passes.refusal import collect_refusals

from .float_graphs import FloatGraph, check_pass, summary, unchanged


def test_permute_linear_columns_behind_flattening():
    g = FloatGraph(x=(1, 5, 4, 3))
    flat = g.reshape(g.transpose("x", TO_NCHW, "t"), (1, 60), "flat")
    graph = check_pass(permute_linear, g.build(g.linear(flat, 7, "y")))
    assert summary(graph) == "x [flat] = reshape(x)\ny = linear(x [flat])"


def test_permute_linear_columns_for_several_readers():
    g = FloatGraph(x=(1, 5, 4, 3))
    flat = g.reshape(g.transpose("x", TO_NCHW, "t"), (1, 60), "flat")
    graph = check_pass(permute_linear, g.build(g.linear(flat, 7, "y"), g.linear(flat, 2, "z")))
    assert "transpose" not in summary(graph)


def test_permute_linear_columns_of_a_batch():
    g = FloatGraph(x=(2, 5, 4, 3))
    flat = g.reshape(g.transpose("x", TO_NCHW, "t"), (2, 60), "flat")
    assert "transpose" not in summary(check_pass(permute_linear, g.build(g.linear(flat, 7, "y"))))


def test_permute_linear_refuses_columns_mixed_with_rows():
    g = FloatGraph(x=(2, 5, 4, 3))
    flat = g.reshape(g.transpose("x", (1, 0, 2, 3), "t"), (5, 24), "flat")
    with collect_refusals() as refusals:
        assert unchanged(permute_linear, g.build(g.linear(flat, 7, "y")))
    assert [r.why for r in refusals] == ["the transpose before it, (1, 0, 2, 3), mixes its 24 columns"]


@pytest.mark.parametrize("perm", [TO_NHWC, (0, 3, 2, 1)])
def test_permute_linear_rows_before_an_image(perm):
    g = FloatGraph(x=(1, 6))
    y = g.reshape(g.linear("x", 60, "y"), (1, 3, 5, 4), "r")
    graph = check_pass(permute_linear, g.build(g.conv(g.transpose(y, perm, "t"), 2, "z")))
    assert summary(graph) == "y [permuted] = linear(x)\nt = reshape(y [permuted])\nz = conv2d(t)"


def test_permute_linear_refuses_rows_that_others_read():
    g = FloatGraph(x=(1, 6))
    y = g.linear("x", 60, "y")
    z = g.conv(g.transpose(g.reshape(y, (1, 3, 5, 4), "r"), TO_NHWC, "t"), 2, "z")
    with collect_refusals() as refusals:
        assert unchanged(permute_linear, g.build(z, g.clip(y, "v")))
    assert [r.why for r in refusals] == ["others read its output, or it computes several rows"]


def test_permute_linear_refuses_several_rows_of_input():
    g = FloatGraph(x=(3, 6))
    y = g.reshape(g.linear("x", 20, "y"), (1, 3, 5, 4), "r")
    with collect_refusals() as refusals:
        assert unchanged(permute_linear, g.build(g.conv(g.transpose(y, TO_NHWC, "t"), 2, "z")))
    assert len(refusals) == 1

import pytest

from mcuq.ops.window import Window
from mcuq.passes.fold_leading_batchnorm import fold_leading_batchnorm
from mcuq.passes.refusal import collect_refusals

from .float_graphs import FloatGraph, check_pass, summary, unchanged

PADDED = Window((3, 3), pads=(1, 1, 1, 1))


def image():
    return FloatGraph(x=(1, 5, 4, 6))


def why(graph):
    with collect_refusals() as refusals:
        assert unchanged(fold_leading_batchnorm, graph)
    return [refusal.why for refusal in refusals]


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_fold_leading_batchnorm_into_unpadded_convolution(groups):
    g = image()
    y = g.conv(g.affine("x", 3, "z"), 12, "y", Window((3, 3)), groups=groups)
    assert summary(check_pass(fold_leading_batchnorm, g.build(y))) == "y = conv2d(x)"


@pytest.mark.parametrize("groups", [1, 3])
def test_fold_leading_batchnorm_without_shift_into_padded_convolution(groups):
    g = image()
    y = g.conv(g.affine("x", 3, "z", shift=False), 6, "y", PADDED, groups=groups)
    assert summary(check_pass(fold_leading_batchnorm, g.build(y))) == "y = conv2d(x)"


def test_fold_leading_batchnorm_refuses_shift_before_padding():
    g = image()
    expected = "'make y' pads with zeros, which the shift would have to move too"
    assert why(g.build(g.conv(g.affine("x", 3, "z"), 6, "y", PADDED))) == [expected]


def test_fold_leading_batchnorm_refuses_another_axis():
    g = image()
    expected = "its axis 1 is not that of the input channels"
    assert why(g.build(g.conv(g.affine("x", 1, "z"), 6, "y"))) == [expected]


def test_fold_leading_batchnorm_into_several_readers():
    g = image()
    z = g.affine("x", 3, "z")
    graph = check_pass(fold_leading_batchnorm, g.build(g.conv(z, 2, "y"), g.conv(z, 3, "v")))
    assert summary(graph) == "y = conv2d(x)\nv = conv2d(x)"


def test_fold_leading_batchnorm_into_linear():
    g = FloatGraph(x=(2, 7))
    y = g.linear(g.affine("x", 1, "z"), 4, "y")
    assert summary(check_pass(fold_leading_batchnorm, g.build(y))) == "y = linear(x)"


def test_fold_leading_batchnorm_refuses_rows_of_linear():
    g = FloatGraph(x=(2, 7))
    expected = "its axis 0 is not that of the columns of 'make y'"
    assert why(g.build(g.linear(g.affine("x", 0, "z"), 4, "y"))) == [expected]


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_fold_leading_batchnorm_through_flattening(axis):
    g = image()
    flat = g.reshape(g.affine("x", axis, "z"), (1, 120), "flat")
    graph = check_pass(fold_leading_batchnorm, g.build(g.linear(flat, 4, "y")))
    assert summary(graph) == "x [flat] = reshape(x)\ny = linear(x [flat])"

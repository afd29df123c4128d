import numpy as np
import pytest

from mcuq.ir.op import Clamp
from mcuq.ops.conv import Conv2d
from mcuq.ops.window import Window
from mcuq.passes.fold_batchnorm import fold_batchnorm
from mcuq.passes.refusal import collect_refusals

from .float_graphs import RELU, FloatGraph, check_pass, summary, unchanged


def image():
    return FloatGraph(x=(1, 5, 4, 3))


def why(graph):
    with collect_refusals() as refusals:
        assert unchanged(fold_batchnorm, graph)
    return [(refusal.node, refusal.why) for refusal in refusals]


@pytest.mark.parametrize("groups", [1, 3])
def test_fold_batchnorm_into_convolution(groups):
    g = image()
    y = g.conv("x", 6, "y", Window((3, 3), pads=(1, 1, 1, 1)), groups=groups)
    graph = check_pass(fold_batchnorm, g.build(g.affine(y, 3, "z")))
    assert summary(graph) == "z = conv2d(x)"
    assert graph.nodes[0].name == "make y"


def test_fold_batchnorm_into_linear():
    g = FloatGraph(x=(1, 7))
    graph = check_pass(fold_batchnorm, g.build(g.affine(g.linear("x", 4, "y"), 1, "z")))
    assert summary(graph) == "z = linear(x)"


def test_fold_batchnorm_chains():
    g = FloatGraph(x=(1, 7))
    y = g.affine(g.affine(g.linear("x", 4, "y"), 1, "z"), 1, "v")
    assert summary(check_pass(fold_batchnorm, g.build(y))) == "v = linear(x)"


def test_fold_batchnorm_uniform_on_any_axis():
    g = image()
    y = g.affine(g.conv("x", 6, "y"), 1, "z", uniform=True)
    assert summary(check_pass(fold_batchnorm, g.build(y))) == "z = conv2d(x)"


def test_fold_batchnorm_keeps_float64():
    g = FloatGraph(x=(1, 7))
    graph = fold_batchnorm(g.build(g.affine(g.linear("x", 4, "y"), 1, "z")))
    weights = graph.constants[graph.nodes[0].inputs[1]]
    assert weights.dtype == np.float64
    np.testing.assert_array_equal(
        weights, g.constants["y.w"].astype(np.float64) * g.constants["z.a"][:, None]
    )


def test_fold_batchnorm_refuses_an_input():
    g = image()
    assert why(g.build(g.affine("x", 3, "y"))) == [("make y", "its input comes from an input")]


def test_fold_batchnorm_refuses_other_producers():
    g = image()
    assert why(g.build(g.affine(g.clip("x", "y"), 3, "z"))) == [("make z", "its input comes from clip")]


def test_fold_batchnorm_refuses_a_shared_result():
    g = image()
    y = g.conv("x", 3, "y")
    graph = g.build(g.affine(y, 3, "z"), g.clip(y, "v"))
    assert why(graph) == [("make z", "others read 'y' too")]


def test_fold_batchnorm_refuses_an_output():
    g = image()
    y = g.conv("x", 3, "y")
    assert why(g.build(y, g.affine(y, 3, "z"))) == [("make z", "others read 'y' too")]


def test_fold_batchnorm_refuses_behind_an_activation():
    g = image()
    y = g.conv("x", 3, "y", clamp=Clamp(0.0, 6.0))
    assert why(g.build(g.affine(y, 3, "z"))) == [("make z", "an activation lies between it and 'make y'")]


def test_fold_batchnorm_refuses_another_axis():
    g = image()
    y = g.conv("x", 3, "y")
    expected = "its axis 1 is not that of the output channels"
    assert why(g.build(g.affine(y, 1, "z"))) == [("make z", expected)]


def test_fold_batchnorm_leaves_the_activation_behind_it():
    g = image()
    y = g.clip(g.affine(g.conv("x", 3, "y"), 3, "z"), "v")
    graph = check_pass(fold_batchnorm, g.build(y))
    assert summary(graph) == "z = conv2d(x)\nv = clip(z)"
    assert isinstance(graph.nodes[0].op, Conv2d)
    assert graph.nodes[0].op.clamp != RELU

import math

import pytest

from mcuq.ir.op import Clamp
from mcuq.ops.pad import Pad
from mcuq.ops.pool import AveragePool, MaxPool
from mcuq.ops.window import Window
from mcuq.passes.fuse_pad import fuse_pad
from mcuq.passes.refusal import collect_refusals

from .float_graphs import FloatGraph, check_pass, summary, unchanged

BORDER = ((0, 0), (1, 2), (0, 1), (0, 0))


def padded(value=0.0, pads=BORDER, clamp=None):
    g = FloatGraph(x=(1, 6, 5, 3))
    x = "x" if clamp is None else g.clip("x", "c", clamp)
    return g, g.put(Pad(pads, value), x, output="p")


def why(graph):
    with collect_refusals() as refusals:
        assert unchanged(fuse_pad, graph)
    return [refusal.why for refusal in refusals]


def test_fuse_pad_into_convolution():
    g, p = padded()
    window = Window((3, 3), strides=(2, 2), pads=(1, 0, 0, 1))
    graph = check_pass(fuse_pad, g.build(g.conv(p, 4, "y", window)))
    assert summary(graph) == "y = conv2d(x)"
    assert graph.nodes[0].op.window.pads == (2, 0, 2, 2)


def test_fuse_pad_into_all_readers():
    g, p = padded()
    graph = check_pass(fuse_pad, g.build(g.conv(p, 4, "y", Window((3, 3))), g.conv(p, 2, "z")))
    assert summary(graph) == "y = conv2d(x)\nz = conv2d(x)"


def test_fuse_pad_into_average_pool_counts_the_border():
    g, p = padded()
    graph = check_pass(fuse_pad, g.build(g.put(AveragePool(Window((3, 3))), p, output="y")))
    assert summary(graph) == "y = average_pool(x)"
    assert graph.nodes[0].op.count_include_pad


def test_fuse_pad_into_max_pool_of_values_above_the_border():
    g, p = padded(clamp=Clamp(0.0))
    graph = check_pass(fuse_pad, g.build(g.put(MaxPool(Window((3, 3))), p, output="y")))
    assert summary(graph) == "c = clip(x)\ny = max_pool(c)"


def test_fuse_pad_with_minus_infinity_into_max_pool():
    g, p = padded(-math.inf)
    graph = check_pass(fuse_pad, g.build(g.put(MaxPool(Window((3, 3))), p, output="y")))
    assert summary(graph) == "y = max_pool(x)"


def test_fuse_pad_refuses_a_border_that_can_win():
    g, p = padded(0.0)
    graph = g.build(g.put(MaxPool(Window((3, 3))), p, output="y"))
    assert why(graph) == ["into 'make y': the border 0 can be the maximum, values start at -inf"]


@pytest.mark.parametrize("value", [1.0, -0.5])
def test_fuse_pad_refuses_other_borders(value):
    g, p = padded(value)
    assert why(g.build(g.conv(p, 4, "y"))) == [f"into 'make y': the border is {value:g}, not 0"]


def test_fuse_pad_refuses_channels():
    g, p = padded(pads=((0, 0), (0, 0), (0, 0), (1, 0)))
    assert why(g.build(g.conv(p, 4, "y"))) == ["into 'make y': it pads batch or channels"]


def test_fuse_pad_refuses_a_pool_that_does_not_count_its_padding():
    g, p = padded()
    pool = AveragePool(Window((3, 3), pads=(1, 1, 1, 1)))
    expected = "into 'make y': the pool has padding of its own that it does not count"
    assert why(g.build(g.put(pool, p, output="y"))) == [expected]


@pytest.mark.parametrize("pool", [AveragePool(Window((2, 2))), MaxPool(Window((2, 2)))])
def test_fuse_pad_refuses_windows_outside_the_image(pool):
    g, p = padded(-math.inf if isinstance(pool, MaxPool) else 0.0)
    expected = "into 'make y': windows of 2 would lie outside the image"
    with collect_refusals() as refusals:
        graph = g.build(g.put(pool, p, output="y"))
        assert fuse_pad(graph) is graph
    assert [refusal.why for refusal in refusals] == [expected]


def test_fuse_pad_leaves_other_readers():
    g, p = padded()
    graph = check_pass(fuse_pad, g.build(g.conv(p, 4, "y", Window((3, 3))), g.clip(p, "z")))
    assert summary(graph) == "p = pad(x)\ny = conv2d(x)\nz = clip(p)"

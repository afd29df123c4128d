import pytest

from mcuq.ir.op import Clamp
from mcuq.ops.arithmetic import Add
from mcuq.ops.pool import MaxPool, Mean
from mcuq.ops.window import Window
from mcuq.passes.fuse_clip import fuse_clip
from mcuq.passes.refusal import collect_refusals

from .float_graphs import FloatGraph, check_pass, summary, unchanged

SIX = Clamp(0.0, 6.0)


def producers():
    g = FloatGraph(x=(1, 4, 4, 3))
    yield g, g.conv("x", 2, "y")
    g = FloatGraph(x=(1, 5))
    yield g, g.linear("x", 2, "y")
    g = FloatGraph(x=(1, 5), z=(1, 5))
    yield g, g.put(Add(), "x", "z", output="y")
    g = FloatGraph(x=(1, 4, 4, 3))
    yield g, g.put(Mean(Window((2, 2))), "x", output="y")


@pytest.mark.parametrize("index", range(4))
def test_fuse_clip_into_producer(index):
    g, y = list(producers())[index]
    graph = check_pass(fuse_clip, g.build(g.clip(y, "v", SIX)))
    assert [node.output for node in graph.nodes] == ["v"]
    assert graph.nodes[0].name == "make y"
    assert graph.nodes[0].op.clamp == SIX


def test_fuse_clip_into_clip_does_one_after_the_other():
    g = FloatGraph(x=(1, 40))
    y = g.clip(g.clip(g.clip("x", "y", Clamp(-1.0, 0.5)), "z"), "v", Clamp(0.25, 2.0))
    graph = check_pass(fuse_clip, g.build(y))
    assert [node.op.clamp for node in graph.nodes] == [Clamp(0.25, 0.5)]


def why(graph):
    with collect_refusals() as refusals:
        assert unchanged(fuse_clip, graph)
    return [refusal.why for refusal in refusals]


def test_fuse_clip_refuses_shared_result():
    g = FloatGraph(x=(1, 4, 4, 3))
    y = g.conv("x", 3, "y")
    assert why(g.build(g.put(Add(), y, g.clip(y, "z"), output="v"))) == ["others read 'y' too"]


def test_fuse_clip_refuses_an_output():
    g = FloatGraph(x=(1, 4, 4, 3))
    y = g.conv("x", 3, "y")
    assert why(g.build(y, g.clip(y, "z"))) == ["others read 'y' too"]


def test_fuse_clip_refuses_what_carries_no_clamp():
    g = FloatGraph(x=(1, 4, 4, 3))
    y = g.put(MaxPool(Window((2, 2))), "x", output="y")
    assert why(g.build(g.clip(y, "z"))) == ["its input comes from max_pool, which carries no clamp"]
    g = FloatGraph(x=(1, 4))
    assert why(g.build(g.clip("x", "y"))) == ["its input comes from an input, which carries no clamp"]


def test_fuse_clip_makes_a_chain_one_layer():
    g = FloatGraph(x=(1, 5))
    y = g.clip(g.clip(g.linear("x", 2, "y"), "z"), "v", SIX)
    assert summary(check_pass(fuse_clip, g.build(y))) == "v = linear(x)"

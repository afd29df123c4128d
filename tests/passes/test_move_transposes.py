import numpy as np
import pytest

from mcuq.ir.op import Clamp
from mcuq.onnxio.standard import TO_NCHW, TO_NHWC
from mcuq.ops.arithmetic import Add
from mcuq.ops.move import Reshape
from mcuq.ops.pad import Pad
from mcuq.ops.softmax import Softmax
from mcuq.ops.unary import Clip
from mcuq.passes.move_transposes import move_transposes

from .float_graphs import FloatGraph, check_pass, summary, unchanged


def nchw_conv(g, x, filters, output, window=None):
    """A convolution as the importer makes it."""
    x = g.transpose(x, TO_NHWC, f"{output}.in")
    return g.transpose(g.conv(x, filters, f"{output}.nhwc", window), TO_NCHW, output)


def image():
    g = FloatGraph(x=(1, 3, 5, 4))
    return g, nchw_conv(g, "x", 6, "y")


def behind(graph):
    """What stands behind the first transpose and convolution."""
    assert [node.op.kind for node in graph.nodes[:2]] == ["transpose", "conv2d"]
    return graph.nodes[2:]


def kinds(nodes):
    return [node.op.kind for node in nodes]


def test_move_transposes_cancels_between_convolutions():
    g, y = image()
    graph = check_pass(move_transposes, g.build(nchw_conv(g, g.clip(y, "c"), 2, "z")))
    assert kinds(behind(graph)) == ["clip", "conv2d"]


def test_move_transposes_gives_the_last_one_to_the_output():
    g, y = image()
    graph = check_pass(move_transposes, g.build(y))
    assert graph.outputs[0].perm == TO_NHWC
    assert graph.outputs[0].model_shape == (1, 6, 5, 4)
    assert graph.outputs[0].tensor == "y.nhwc"


@pytest.mark.parametrize("op", [Clip(Clamp(0.0)), Pad(((0, 0), (1, 2), (0, 1), (3, 0)), 0.5)])
def test_move_transposes_behind_elementwise(op):
    g, y = image()
    graph = check_pass(move_transposes, g.build(g.put(op, y, output="z")))
    assert kinds(behind(graph)) == [op.kind]
    assert graph.outputs[0].perm == TO_NHWC


@pytest.mark.parametrize("axis", range(4))
def test_move_transposes_behind_affine(axis):
    g, y = image()
    graph = check_pass(move_transposes, g.build(g.affine(y, axis, "z")))
    assert behind(graph)[0].op.axis == TO_NCHW[axis]


def test_move_transposes_behind_linear_and_softmax_of_the_kept_axis():
    g = FloatGraph(x=(2, 3, 5, 4))
    y = g.transpose("x", (2, 0, 1, 3), "y")
    y = g.put(Softmax(), g.linear(y, 6, "z"), output="v")
    graph = check_pass(move_transposes, g.build(y))
    assert kinds(graph.nodes) == ["linear", "softmax"]
    assert graph.outputs[0].perm == (1, 2, 0, 3)


def test_move_transposes_stops_before_linear_of_another_axis():
    g = FloatGraph(x=(2, 3, 5, 4))
    graph = g.build(g.linear(g.transpose("x", TO_NCHW, "y"), 6, "z"))
    assert unchanged(move_transposes, graph)


def test_move_transposes_behind_add_of_equal_layouts():
    g, y = image()
    z = nchw_conv(g, y, 6, "z")
    graph = check_pass(move_transposes, g.build(g.put(Add(), y, z, output="v")))
    assert kinds(behind(graph)) == ["conv2d", "add"]
    assert graph.nodes[-1].inputs == ("y.nhwc", "z.nhwc")


def test_move_transposes_lets_an_input_give_way_in_add():
    g = FloatGraph(x=(1, 3, 5, 4))
    y = nchw_conv(g, "x", 3, "y")
    graph = check_pass(move_transposes, g.build(g.put(Add(), "x", y, output="z")))
    assert sorted(kinds(graph.nodes)) == ["add", "conv2d", "transpose", "transpose"]
    add = graph.producer(graph.outputs[0].tensor)
    assert add is not None
    assert add.inputs[1] == "y.nhwc"


def test_move_transposes_of_axes_of_size_1_is_a_reshape():
    g = FloatGraph(x=(1, 1, 5, 4))
    graph = check_pass(move_transposes, g.build(nchw_conv(g, "x", 6, "y")))
    assert kinds(graph.nodes) == ["reshape", "conv2d"]
    assert graph.nodes[0].op == Reshape((1, 5, 4, 1))


def test_move_transposes_behind_a_reshape_that_adds_axes():
    g, y = image()
    y = g.reshape(y, (6, 1, 5, 4, 1), "z")
    graph = check_pass(move_transposes, g.build(y))
    assert kinds(behind(graph)) == ["reshape"]


def test_move_transposes_behind_a_reshape_that_merges_height_and_width():
    g, y = image()
    graph = check_pass(move_transposes, g.build(g.reshape(y, (1, 6, 20), "z")))
    assert [node.op for node in behind(graph)] == [Reshape((1, 20, 6))]
    assert graph.outputs[0].perm == (0, 2, 1)


def test_move_transposes_stops_before_flattening():
    g, y = image()
    graph = check_pass(move_transposes, g.build(g.linear(g.reshape(y, (1, 120), "z"), 2, "v")))
    assert kinds(behind(graph)) == ["transpose", "reshape", "linear"]
    assert summary(graph).count("transpose") == 2


def test_move_transposes_serves_readers_of_both_layouts():
    g, y = image()
    z = g.transpose(y, TO_NHWC, "z")
    v = g.linear(g.reshape(y, (1, 120), "flat"), 2, "v")
    graph = check_pass(move_transposes, g.build(g.clip(z, "w"), v))
    assert graph.outputs[0].perm == (0, 1, 2, 3)


@pytest.mark.parametrize("seed", range(40))
def test_move_transposes_chains_of_any_permutations(seed):
    rng = np.random.default_rng(seed)
    g = FloatGraph(x=(2, 3, 1, 4))
    y = "x"
    for index in range(rng.integers(1, 8)):
        if rng.random() < 0.6:
            y = g.transpose(y, [int(axis) for axis in rng.permutation(4)], f"t{index}")
        else:
            y = g.affine(y, int(rng.integers(4)), f"a{index}")
    graph = check_pass(move_transposes, g.build(g.clip(y, "y")))
    assert "transpose" not in kinds(graph.nodes)

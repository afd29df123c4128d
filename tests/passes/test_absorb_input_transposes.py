from mcuq.ir.graph import Port
from mcuq.onnxio.standard import TO_NCHW, TO_NHWC
from mcuq.ops.arithmetic import Add
from mcuq.ops.pad import Pad
from mcuq.passes.absorb_input_transposes import absorb_input_transposes
from mcuq.passes.absorb_reshapes import absorb_reshapes
from mcuq.passes.move_transposes import move_transposes
from mcuq.passes.refusal import collect_refusals

from .float_graphs import FloatGraph, check_pass, summary, unchanged


def absorb(graph):
    return move_transposes(absorb_input_transposes(graph))


def test_absorb_input_transposes_turns_the_port():
    g = FloatGraph(x=(1, 3, 5, 4))
    graph = check_pass(absorb, g.build(g.conv(g.transpose("x", TO_NHWC, "t"), 2, "y")))
    assert summary(graph) == "y = conv2d(x [nhwc])"
    assert graph.inputs == (Port("x", "x [nhwc]", (1, 3, 5, 4), TO_NHWC),)


def test_absorb_input_transposes_through_elementwise():
    g = FloatGraph(x=(1, 3, 5, 4))
    pads = ((0, 0), (0, 0), (1, 0), (0, 2))
    y = g.put(Pad(pads), g.affine(g.clip("x", "c"), 1, "a"), output="p")
    graph = check_pass(absorb, g.build(g.conv(g.transpose(y, TO_NHWC, "t"), 2, "y")))
    assert [node.op.kind for node in graph.nodes] == ["clip", "affine", "pad", "conv2d"]


def test_absorb_input_transposes_through_a_new_axis():
    g = FloatGraph(x=(1, 3, 11))
    y = g.transpose(g.reshape("x", (1, 3, 1, 11), "r"), TO_NHWC, "t")
    graph = check_pass(absorb, g.build(g.conv(y, 2, "y")))
    assert [node.op.kind for node in graph.nodes] == ["reshape", "reshape", "conv2d"]
    assert graph.inputs[0].perm == (0, 2, 1)


def test_absorb_input_transposes_of_a_port_that_reshapes():
    g = FloatGraph(x=(1, 3, 11))
    y = g.transpose(g.reshape("x", (1, 3, 1, 11), "r"), TO_NHWC, "t")
    graph = absorb_reshapes(g.build(g.conv(y, 2, "y")))
    assert summary(check_pass(absorb, graph)) == "y = conv2d(r [nhwc])"


def test_absorb_input_transposes_serves_both_readers_of_an_input():
    g = FloatGraph(x=(1, 3, 5, 4))
    y = g.transpose(g.conv(g.transpose("x", TO_NHWC, "t"), 3, "y"), TO_NCHW, "n")
    graph = check_pass(absorb, move_transposes(g.build(g.put(Add(), y, "x", output="z"))))
    assert [node.op.kind for node in graph.nodes] == ["conv2d", "add"]


def test_absorb_input_transposes_turns_once():
    g = FloatGraph(x=(1, 3, 5, 5))
    y, z = (
        g.conv(g.transpose("x", perm, f"t{index}"), 2, f"y{index}")
        for index, perm in enumerate((TO_NHWC, (0, 3, 2, 1)))
    )
    graph = check_pass(absorb, g.build(y, z))
    assert [node.op.kind for node in graph.nodes].count("transpose") == 1
    with collect_refusals() as refusals:
        assert unchanged(absorb_input_transposes, graph)
    assert [r.why for r in refusals] == ["input 'x' was already turned for another operator"]


def test_absorb_input_transposes_refuses_layers():
    g = FloatGraph(x=(1, 5, 4, 3))
    y = g.transpose(g.conv("x", 3, "y"), TO_NHWC, "t")
    with collect_refusals() as refusals:
        assert unchanged(absorb_input_transposes, g.build(g.conv(y, 2, "z")))
    assert [r.why for r in refusals] == ["its input comes from 'make y' (conv2d), not from an input"]


def test_absorb_input_transposes_refuses_inputs_that_are_cut():
    g = FloatGraph(x=(1, 60))
    y = g.transpose(g.reshape("x", (1, 3, 5, 4), "r"), TO_NHWC, "t")
    graph = absorb_reshapes(g.build(g.conv(y, 2, "y")))
    with collect_refusals() as refusals:
        assert unchanged(absorb_input_transposes, graph)
    assert [r.why for r in refusals] == ["input 'x' of shape (1, 60) is cut into (1, 3, 5, 4)"]

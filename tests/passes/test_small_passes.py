"""Passes that need only a few lines of test each."""

import dataclasses

import numpy as np
import pytest

from mcuq.errors import McuqError
from mcuq.ir.op import Clamp
from mcuq.ops.affine import Affine
from mcuq.ops.arithmetic import Add
from mcuq.ops.pad import Pad
from mcuq.ops.pool import AveragePool, MaxPool, Mean
from mcuq.ops.window import Window
from mcuq.passes.absorb_reshapes import absorb_reshapes
from mcuq.passes.combine_affines import combine_affines
from mcuq.passes.combine_neighbours import combine_neighbours
from mcuq.passes.hoist_elementwise import hoist_elementwise
from mcuq.passes.lower_batchnorm import lower_batchnorm
from mcuq.passes.refusal import collect_refusals
from mcuq.passes.restore_names import restore_names
from mcuq.passes.round_constants import round_constants
from mcuq.passes.simplify_operators import simplify_operators

from .float_graphs import FloatGraph, check_pass, summary, unchanged


def kinds(graph):
    return [node.op.kind for node in graph.nodes]


def test_absorb_reshapes_of_input_and_output():
    g = FloatGraph(x=(1, 12))
    y = g.reshape(g.conv(g.reshape("x", (1, 2, 2, 3), "r"), 2, "y"), (8,), "out")
    graph = check_pass(absorb_reshapes, g.build(y))
    assert summary(graph) == "y = conv2d(r)"
    assert [port.model_shape for port in (*graph.inputs, *graph.outputs)] == [(1, 12), (8,)]


def test_absorb_reshapes_keeps_what_others_read():
    g = FloatGraph(x=(1, 12))
    y = g.linear("x", 2, "y")
    out = g.reshape(y, (2,), "out")
    graph = g.build(g.conv(g.reshape("x", (1, 2, 2, 3), "r"), 2, "z"), y, g.clip(out, "v"), out)
    assert unchanged(absorb_reshapes, graph)


def test_absorb_reshapes_keeps_an_output_that_is_a_reshaped_input():
    g = FloatGraph(x=(1, 12))
    graph = g.build(g.reshape("x", (12,), "out"), g.clip("x", "y"))
    assert unchanged(absorb_reshapes, graph)


def test_combine_neighbours_combines_reshapes_of_a_chain():
    g = FloatGraph(x=(1, 12))
    y = g.reshape(g.reshape(g.reshape("x", (12,), "a"), (3, 4), "b"), (4, 3), "c")
    graph = check_pass(combine_neighbours, g.build(g.clip(y, "y")))
    assert summary(graph) == "c = reshape(x)\ny = clip(c)"


@pytest.mark.parametrize(("first", "second"), [(False, False), (True, False), (False, True), (True, True)])
def test_combine_affines(first, second):
    g = FloatGraph(x=(1, 4, 3))
    axes = (1, 2) if first or second else (2, 2)
    y = g.affine(g.affine("x", axes[0], "y", uniform=first), axes[1], "z", uniform=second)
    assert summary(check_pass(combine_affines, g.build(y))) == "z = affine(x)"


def test_combine_affines_refuses_different_axes():
    g = FloatGraph(x=(1, 4, 3))
    assert unchanged(combine_affines, g.build(g.affine(g.affine("x", 1, "y"), 2, "z")))


def mean(x, kernel):
    return Mean(Window(kernel)), x


@pytest.mark.parametrize("is_width_first", [True, False])
def test_combine_neighbours_combines_means_of_both_axes(is_width_first):
    g = FloatGraph(x=(1, 5, 4, 3))
    y = g.put(Mean(Window((1, 4) if is_width_first else (5, 1))), "x", output="y")
    rest = 5 if is_width_first else 4
    y = g.reshape(y, (1, 1, rest, 3), "r")
    y = g.put(Mean(Window((1, rest)), Clamp(0.0)), y, output="z")
    graph = check_pass(combine_neighbours, g.build(y))
    assert summary(graph) == "z = mean(x)"
    assert graph.nodes[0].op.window == Window((5, 4))


def test_combine_neighbours_keeps_means_of_other_windows():
    g = FloatGraph(x=(1, 4, 4, 3))
    y = g.put(Mean(Window((2, 2), (2, 2))), "x", output="y")
    assert unchanged(combine_neighbours, g.build(g.put(Mean(Window((2, 2))), y, output="z")))
    g = FloatGraph(x=(1, 4, 4, 3))
    y = g.put(Mean(Window((1, 4))), "x", output="y")
    y = g.reshape(y, (1, 3, 4, 1), "r")
    assert unchanged(combine_neighbours, g.build(g.put(Mean(Window((3, 4))), y, output="z")))


def test_simplify_operators_turns_average_pool_into_mean():
    g = FloatGraph(x=(1, 5, 5, 3))
    y = g.put(AveragePool(Window((2, 2), (2, 2))), "x", output="y")
    assert summary(check_pass(simplify_operators, g.build(y))) == "y = mean(x)"


def test_simplify_operators_turns_average_pool_into_mean_unless_padded():
    g = FloatGraph(x=(1, 5, 5, 3))
    y = g.put(AveragePool(Window((2, 2), pads=(1, 0, 0, 0))), "x", output="y")
    with collect_refusals() as refusals:
        assert unchanged(simplify_operators, g.build(y))
    assert [r.why for r in refusals] == ["its windows reach into the padding (1, 0, 0, 0)"]


PADS = ((0, 0), (1, 0), (0, 0), (0, 0))


@pytest.mark.parametrize("op", [MaxPool(Window((2, 2))), Pad(PADS, -1.0), Pad(PADS, 0.3), Pad(PADS, 9.0)])
def test_hoist_elementwise_clip(op):
    g = FloatGraph(x=(1, 4, 4, 3))
    y = g.put(op, g.conv("x", 2, "y"), output="m")
    graph = check_pass(hoist_elementwise, g.build(g.clip(y, "z", Clamp(0.0, 0.5))))
    assert summary(graph) == f"y = conv2d(x)\ny [clipped] = clip(y)\nz = {op.kind}(y [clipped])"


def test_hoist_elementwise_over_a_chain():
    g = FloatGraph(x=(1, 4, 4, 3))
    y = g.reshape(g.put(MaxPool(Window((2, 2))), g.conv("x", 2, "y"), output="m"), (1, 18), "r")
    graph = check_pass(hoist_elementwise, g.build(g.clip(y, "z")))
    assert kinds(graph) == ["conv2d", "clip", "max_pool", "reshape"]
    assert graph.nodes[-1].output == "z"


@pytest.mark.parametrize(("shape", "axis"), [((1, 6, 20), 1), ((6, 4, 5), 2), ((1, 6, 2, 10), 1)])
def test_hoist_elementwise_affine_of_a_kept_axis(shape, axis):
    g = FloatGraph(x=(1, 6, 4, 5))
    y = g.reshape("x", shape, "y")
    assert kinds(check_pass(hoist_elementwise, g.build(g.affine(y, axis, "z")))) == ["affine", "reshape"]


def test_hoist_elementwise_keeps_affine_behind_flattening():
    g = FloatGraph(x=(1, 6, 4, 5))
    y = g.reshape("x", (1, 120), "y")
    assert unchanged(hoist_elementwise, g.build(g.affine(y, 1, "z")))


def test_hoist_elementwise_uniform_affine_over_flattening():
    g = FloatGraph(x=(1, 6, 4, 5))
    y = g.affine(g.reshape("x", (1, 120), "y"), 1, "z", uniform=True)
    graph = check_pass(hoist_elementwise, g.build(y))
    assert kinds(graph) == ["affine", "reshape"]
    assert graph.nodes[0].op == Affine(3)


def test_hoist_elementwise_keeps_what_others_read():
    g = FloatGraph(x=(1, 6, 4, 5))
    y = g.reshape("x", (1, 120), "y")
    assert unchanged(hoist_elementwise, g.build(g.put(Add(), y, g.clip(y, "z"), output="v")))


@pytest.mark.parametrize("shape", [(1, 4, 3, 5), (2, 6), (7,), (2, 3, 4), (1, 2, 3, 2, 2)])
def test_lower_batchnorm_on_the_last_axis(shape):
    g = FloatGraph(x=shape)
    graph = check_pass(lower_batchnorm, g.build(g.affine("x", len(shape) - 1, "y")))
    assert kinds(graph).count("conv2d") == 1
    assert not {"affine", "transpose"} & set(kinds(graph))
    conv = next(node for node in graph.nodes if node.op.kind == "conv2d")
    assert conv.op.groups == shape[-1]
    assert conv.name == "make y"


@pytest.mark.parametrize("axis", range(3))
def test_lower_batchnorm_on_other_axes(axis):
    g = FloatGraph(x=(2, 3, 5, 4))
    graph = check_pass(lower_batchnorm, g.build(g.affine("x", axis, "y")))
    assert kinds(graph) == ["transpose", "conv2d", "transpose"]


def test_round_constants_rounds_once():
    g = FloatGraph(x=(1, 3))
    g.affine("x", 1, "y")
    graph = round_constants(g.build("y"))
    arrays = [graph.constants[name] for name in graph.nodes[0].inputs[1:]]
    assert [array.dtype for array in arrays] == [np.float32, np.float32]
    np.testing.assert_array_equal(arrays[0], g.constants["y.a"].astype(np.float32))


def test_round_constants_refuses_overflow():
    g = FloatGraph(x=(1, 2))
    a, b = g.constant("a", np.array([1.0, 1e39])), g.constant("b", np.zeros(2))
    with pytest.raises(McuqError, match=r"M005.*\n.*'a'\n.*1e\+39"):
        round_constants(g.build(g.put(Affine(1), "x", a, b, output="y")))


def test_restore_names_of_layouts_and_constants():
    g = FloatGraph(x=(1, 3))
    y = g.clip(g.linear("x", 2, "y [nhwc]"), "z [4d 2]")
    graph = restore_names(g.build(g.clip(y, "out")))
    assert [node.output for node in graph.nodes] == ["y", "z", "out"]


def test_restore_names_keeps_names_in_use():
    g = FloatGraph(x=(1, 3))
    y = g.clip(g.linear("x", 2, "y"), "y [nhwc]")
    assert unchanged(restore_names, g.build(g.put(Add(), "y", y, output="out")))


def test_restore_names_takes_the_name_of_a_port_from_other_tensors():
    g = FloatGraph(x=(1, 3))
    graph = g.build(g.clip(g.clip("x", "y"), "z"))
    turned = dataclasses.replace(graph.inputs[0], name="y")
    renamed = restore_names(dataclasses.replace(graph, inputs=(turned,)))
    assert [node.output for node in renamed.nodes] == ["y [inner]", "z"]
    assert renamed.inputs[0].tensor == renamed.nodes[0].inputs[0] == "y"

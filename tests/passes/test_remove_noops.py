import math

import numpy as np
import pytest

from mcuq.ir.op import Clamp
from mcuq.ops.affine import Affine
from mcuq.ops.move import Reshape, Transpose
from mcuq.ops.pad import Pad
from mcuq.ops.pool import AveragePool, MaxPool, Mean
from mcuq.ops.softmax import Softmax
from mcuq.ops.unary import Clip
from mcuq.ops.window import Window
from mcuq.passes.remove_noops import remove_noops

from .float_graphs import RELU, FloatGraph, check_pass, summary, unchanged

VOID = [
    Reshape((1, 4, 4, 3)),
    Transpose((0, 1, 2, 3)),
    Pad(((0, 0),) * 4, 5.0),
    Clip(Clamp()),
    MaxPool(Window((1, 1))),
    AveragePool(Window((1, 1))),
    Mean(Window((1, 1))),
]
REAL = [
    Reshape((1, 16, 1, 3)),
    Transpose((0, 2, 1, 3)),
    Pad(((0, 0), (0, 1), (0, 0), (0, 0))),
    Clip(Clamp(-math.inf, 1.0)),
    MaxPool(Window((1, 1), strides=(2, 1))),
    AveragePool(Window((2, 1))),
    Mean(Window((1, 1)), RELU),
]


def between_convolutions(op):
    g = FloatGraph(x=(1, 4, 4, 3))
    y = g.put(op, g.conv("x", 3, "before"), output="y")
    return g.build(g.conv(y, 2, "z"))


@pytest.mark.parametrize("op", VOID, ids=lambda op: op.kind)
def test_remove_noops_removes(op):
    graph = check_pass(remove_noops, between_convolutions(op))
    assert summary(graph) == "before = conv2d(x)\nz = conv2d(before)"


@pytest.mark.parametrize("op", REAL, ids=lambda op: op.kind)
def test_remove_noops_keeps(op):
    assert unchanged(remove_noops, between_convolutions(op))


def test_remove_noops_affine_of_one_and_zero():
    g = FloatGraph(x=(1, 3))
    a, b = g.constant("a", np.ones(3)), g.constant("b", np.zeros(3))
    y = g.put(Affine(1), g.clip("x", "c"), a, b, output="y")
    assert summary(check_pass(remove_noops, g.build(y))) == "y = clip(x)"


def test_remove_noops_keeps_the_name_of_the_output():
    g = FloatGraph(x=(1, 4))
    y = g.reshape(g.linear("x", 3, "y"), (1, 3), "out")
    graph = check_pass(remove_noops, g.build(y))
    assert summary(graph) == "out = linear(x)"
    assert graph.nodes[0].name == "make y"


def test_remove_noops_with_both_tensors_as_outputs():
    g = FloatGraph(x=(1, 4))
    y = g.linear("x", 3, "y")
    graph = check_pass(remove_noops, g.build(y, g.reshape(y, (1, 3), "out")))
    assert summary(graph) == "y = linear(x)"
    assert [(port.name, port.tensor) for port in graph.outputs] == [("y", "y"), ("out", "y")]


def test_remove_noops_moves_other_readers_to_the_output():
    g = FloatGraph(x=(1, 4))
    y = g.linear("x", 3, "y")
    z = g.linear(y, 2, "z")
    graph = check_pass(remove_noops, g.build(g.reshape(y, (1, 3), "out"), z))
    assert summary(graph) == "out = linear(x)\nz = linear(out)"


@pytest.mark.parametrize(
    ("first", "second", "is_noop"),
    [
        (Clip(Clamp(0, 6)), Clip(RELU), True),
        (Clip(RELU), Clip(Clamp(0, 6)), False),
        (Softmax(), Clip(Clamp(0, 1)), True),
        (Softmax(), Clip(Clamp(0, 0.5)), False),
    ],
)
def test_remove_noops_knows_ranges(first, second, is_noop):
    g = FloatGraph(x=(1, 2, 2, 3))
    y = g.put(MaxPool(Window((2, 2))), g.put(first, "x", output="y"), output="z")
    graph = check_pass(remove_noops, g.build(g.put(second, y, output="v")))
    assert is_noop == (len(graph.nodes) == 2)


@pytest.mark.parametrize(("value", "is_noop"), [(0.0, True), (2.0, True), (-1.0, False)])
def test_remove_noops_sees_borders(value, is_noop):
    g = FloatGraph(x=(1, 2, 2, 3))
    pads = ((0, 0), (1, 0), (0, 0), (0, 0))
    y = g.put(Pad(pads, value), g.clip("x", "c"), output="p")
    graph = check_pass(remove_noops, g.build(g.clip(y, "v")))
    assert is_noop == (len(graph.nodes) == 2)

import dataclasses

import numpy as np
import pytest
from passes.float_graphs import FloatGraph

from mcuq.errors import Exit, McuqError
from mcuq.ir.graph import Graph, Node, Port, Stage, Tensor
from mcuq.ir.types import DType, freeze
from mcuq.ir.verify import verify_graph
from mcuq.ops.arithmetic import Add
from mcuq.ops.linear import Linear
from mcuq.ops.unary import Clip


def small() -> Graph:
    g = FloatGraph(x=(1, 4))
    return g.build(g.clip(g.linear("x", 3, "y"), "z"))


def findings(graph: Graph, history=()) -> str:
    with pytest.raises(McuqError) as caught:
        verify_graph(graph, history)
    assert caught.value.exit_code is Exit.INTERNAL
    assert {problem.code for problem in caught.value.problems} == {"I001"}
    return str(caught.value)


def change(**fields) -> Graph:
    """The small graph with some fields replaced; a value may be a function of the old one."""
    graph = small()
    new = {name: value(getattr(graph, name)) if callable(value) else value for name, value in fields.items()}
    return dataclasses.replace(graph, **new)


def test_verify_accepts():
    verify_graph(small())
    verify_graph(dataclasses.replace(small(), stage=Stage.CANONICAL))


def test_verify_names_the_passes():
    graph = change(nodes=lambda nodes: nodes[::-1])
    assert "passes run: none" in findings(graph)
    assert "passes run: fold_batchnorm, fuse_clip" in findings(graph, ["fold_batchnorm", "fuse_clip"])


def with_tensor(tensor, **fields):
    return lambda tensors: {**tensors, tensor: dataclasses.replace(tensors[tensor], **fields)}


def with_constant(name, array):
    return lambda constants: {**constants, name: array}


def with_node(index, **fields):
    def replace(nodes):
        return tuple(
            dataclasses.replace(node, **fields) if i == index else node for i, node in enumerate(nodes)
        )

    return replace


BROKEN = {
    "order": ({"nodes": lambda nodes: nodes[::-1]}, "it reads 'y' before anything computes it"),
    "node names": ({"nodes": with_node(1, name="make y")}, "there are 2 of that name"),
    "output twice": (
        {"nodes": lambda nodes: (*nodes, Node("again", nodes[1].op, ("y",), ("z",)))},
        "its output 'z' is computed already",
    ),
    "output is input": (
        {"nodes": lambda nodes: (*nodes, Node("again", nodes[1].op, ("y",), ("x",)))},
        "its output 'x' is computed already",
    ),
    "arity": ({"nodes": with_node(1, inputs=("y", "y"))}, "it has 2 inputs, expected 1 to 1"),
    "constant input": ({"nodes": with_node(0, inputs=("x", "x", "y.b"))}, "input 1, 'x', is no constant"),
    "described": (
        {"tensors": lambda tensors: {k: v for k, v in tensors.items() if k != "z"}},
        "tensors ['z'] are not described",
    ),
    "own name": ({"tensors": with_tensor("y", name="q")}, "it calls itself 'q'"),
    "shape": ({"tensors": with_tensor("z", shape=(3,))}, "its output has shape (3,), its inputs give (1, 3)"),
    "misfit": ({"nodes": with_node(1, op=Add(), inputs=("x", "y"))}, "shapes (1, 4) and (1, 3)"),
    "dtype": ({"tensors": with_tensor("z", dtype=DType.INT8)}, "it has type int8"),
    "array shape": ({"constants": with_constant("y.b", freeze(np.ones(2, "f")))}, "its array has shape (2,)"),
    "array type": ({"constants": with_constant("y.b", freeze(np.ones(3, "i")))}, "its array has type int32"),
    "writable": ({"constants": with_constant("y.b", np.ones(3, "f"))}, "its array can be written to"),
    "finite": ({"constants": with_constant("y.b", freeze(np.full(3, np.nan, "f")))}, "not finite"),
    "input tensor": ({"inputs": (Port("x", "y.w", (3, 4), (0, 1)),)}, "'y.w' is a constant"),
    "input perm": ({"inputs": (Port("x", "x", (1, 4), (0, 0)),)}, "(0, 0) does not permute"),
    "input shape": ({"inputs": (Port("x", "x", (1, 5), (0, 1)),)}, "(1, 5) does not reshape to (1, 4)"),
    "input twice": ({"inputs": lambda inputs: inputs * 2}, "there are 2 of that name"),
    "port tensor": ({"outputs": (Port("z", "q", (1, 3), (0, 1)),)}, "nothing computes 'q'"),
    "float64": (
        {"stage": Stage.CANONICAL, "constants": with_constant("y.b", freeze(np.ones(3)))},
        "its array has type float64",
    ),
    "quant": ({"stage": Stage.QUANTIZED}, "it has no quantization parameters"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_verify_finds(name):
    fields, expected = BROKEN[name]
    assert expected in findings(change(**fields))


def test_verify_keeps_float_operators_out_of_canonical_graphs():
    g = FloatGraph(x=(1, 4))
    graph = dataclasses.replace(g.build(g.affine("x", 1, "y")), stage=Stage.CANONICAL)
    assert "operator affine may only be in a float graph" in findings(graph)


def test_verify_reports_everything_at_once():
    graph = change(nodes=with_node(1, name="make y", inputs=("y", "y")), stage=Stage.QUANTIZED)
    text = findings(graph)
    assert all(each in text for each in ("there are 2", "it has 2 inputs", "no quantization parameters"))


def test_graph_of_unknown_tensors_does_not_crash():
    nodes = (
        Node("a", Linear(), ("p", "q", "r"), ("s",)),
        Node("b", Clip(small().nodes[1].op.clamp), (), ("t",)),
    )
    graph = Graph(Stage.FLOAT, nodes, {"v": Tensor("v", ())}, {}, (), (Port("t", "t", (), ()),))
    assert "before anything computes it" in findings(graph)

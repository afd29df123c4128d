import dataclasses
import re

import numpy as np
import pytest
from passes.float_graphs import FloatGraph

from mcuq.ir.graph import Graph, Port, Stage
from mcuq.ir.op import Clamp
from mcuq.ir.text import graph_from_text, graph_to_text
from mcuq.ir.types import DType, QuantParams
from mcuq.ir.verify import verify_graph
from mcuq.ops.conv import Conv2d
from mcuq.ops.registry import GRAPH_OPS
from mcuq.ops.window import Window

TEXT = """\
graph float
input "x" "x" model [1,4,4,2] perm [0,1,2,3] float32 [1,4,4,2]
constant "y.w" float32:29e1889124dc651e float32 [3,1,2,2]
constant "y.b" float32:8a31a40ecac0ceb4 float32 [3]
node "make y" conv2d {"window":{"kernel":[1,2],"strides":[1,1],"pads":[0,1,0,0],"dilations":[1,1]},\
"groups":1,"clamp":{"lo":0.0,"hi":Infinity}} ("x" "y.w" "y.b") -> "y" float32 [1,4,4,3]
node "make z" reshape {"shape":[1,48]} ("y") -> "z" float32 [1,48]
output "z" "z" model [1,48] perm [0,1]
"""


def small() -> Graph:
    g = FloatGraph(x=(1, 4, 4, 2))
    w = g.constant("y.w", np.arange(12, dtype=np.float32).reshape(3, 1, 2, 2))
    b = g.constant("y.b", np.ones(3, np.float32))
    conv = Conv2d(Window((1, 2), pads=(0, 1, 0, 0)), clamp=Clamp(0))
    y = g.put(conv, "x", w, b, output="y")
    return g.build(g.reshape(y, (1, 48), "z"))


def read(text: str, graph: Graph) -> Graph:
    return graph_from_text(text, graph.constants, GRAPH_OPS)


def test_graph_to_text():
    assert graph_to_text(small()) == TEXT


def test_graph_from_text():
    graph = small()
    again = read(TEXT, graph)
    verify_graph(again)
    assert again.nodes == graph.nodes
    assert dict(again.tensors) == dict(graph.tensors)
    assert (again.stage, again.inputs, again.outputs) == (graph.stage, graph.inputs, graph.outputs)


NAMES = ["a\nb", '"', "\\", "\u2028", "ü", "(", ")", "->", "", "\x85", "a b", "\ud800"]


@pytest.mark.parametrize("name", NAMES)
def test_text_of_any_name(name):
    g = FloatGraph(x=(1, 4))
    graph = g.build(g.clip(g.linear("x", 3, name), "out"))
    text = graph_to_text(graph)
    assert len(text.splitlines()) == 7
    assert read(text, graph).nodes == graph.nodes


def test_text_of_a_quantized_graph():
    graph = small()
    tensors = {
        name: dataclasses.replace(
            tensor, dtype=DType.INT8, quant=QuantParams((float(np.float32(0.1)),), 3, DType.INT8)
        )
        for name, tensor in graph.tensors.items()
    }
    weights = QuantParams((0.5, 0.25, float(np.float32(1 / 3))), 0, DType.INT8, axis=0)
    tensors["y.w"] = dataclasses.replace(tensors["y.w"], quant=weights)
    quantized = dataclasses.replace(graph, stage=Stage.QUANTIZED, tensors=tensors)
    again = read(graph_to_text(quantized), graph)
    assert again.stage is Stage.QUANTIZED
    assert dict(again.tensors) == tensors


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("graph float", "graph fluid", "line 1"),
        ("graph float\n", "", "expected 'graph <stage>'"),
        ("29e1889124dc651e", "0000000000000000", 'constant "y.w" is float32:29e1889124dc651e, expected'),
        ('constant "y.w"', 'constant "v"', 'constant "v" is not given'),
        ("conv2d", "conv3d", "line 5"),
        ('"groups":1', '"troops":1', "line 5"),
        ("-> ", "=> ", "expected '->', found '=>'"),
        ("reshape", "node", "line 6"),
        ("[1,48]} (", "[1,48]} ", "expected '('"),
        ("output ", "outlet ", "unknown kind of line 'outlet'"),
        ('"z" "z" model', '"z" 3 model', "expected a name, found 3"),
        ("perm [0,1]\n", 'perm ["a"]\n', "expected integers"),
        ("perm [0,1]\n", "perm [0,1] more\n", "unexpected 'more'"),
    ],
)
def test_graph_from_text_names_what_it_cannot_read(old, new, message):
    assert old in TEXT
    with pytest.raises(ValueError, match=re.escape(message)):
        read(TEXT.replace(old, new, 1), small())


def test_text_of_ports():
    graph = small()
    port = Port("in", "x", (1, 2, 4, 4), (0, 2, 3, 1))
    turned = dataclasses.replace(graph, inputs=(port,))
    assert read(graph_to_text(turned), graph).inputs == (port,)

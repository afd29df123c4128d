"""Small float graphs for tests of passes, and proof that a pass keeps what they compute."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from small_models import assert_same, random_feeds, run

from mcuq.ir.graph import Graph, Node, Port, Stage, Tensor, make_graph
from mcuq.ir.op import Clamp, Op
from mcuq.ir.types import freeze
from mcuq.ir.verify import verify_graph
from mcuq.ops.affine import Affine
from mcuq.ops.conv import Conv2d
from mcuq.ops.linear import Linear
from mcuq.ops.move import Reshape, Transpose
from mcuq.ops.onnx.write import write_graph
from mcuq.ops.unary import Clip
from mcuq.ops.window import Window

RELU = Clamp(0.0)


class FloatGraph:
    """Builds a graph node by node; methods take and return tensor names."""

    def __init__(self, **inputs: Sequence[int]) -> None:
        self.rng = np.random.default_rng(2)
        self.nodes: list[Node] = []
        self.tensors = {name: Tensor(name, tuple(shape)) for name, shape in inputs.items()}
        self.constants: dict[str, np.ndarray] = {}
        self.inputs = tuple(inputs)

    def constant(self, name: str, array: np.ndarray) -> str:
        self.constants[name] = freeze(np.asarray(array))
        self.tensors[name] = Tensor(name, tuple(np.shape(array)))
        return name

    def random(self, name: str, *shape: int) -> str:
        return self.constant(name, self.rng.normal(size=shape).astype(np.float32))

    def put(self, op: Op, *inputs: str, output: str) -> str:
        shape = op.infer(*(self.tensors[name].shape for name in inputs))
        self.nodes.append(Node(f"make {output}", op, inputs, (output,)))
        self.tensors[output] = Tensor(output, shape)
        return output

    def conv(self, x: str, filters: int, output: str, window: Window | None = None, **attrs: object) -> str:
        window = window or Window((1, 1))
        channels = self.tensors[x].shape[3] // int(attrs.get("groups", 1))
        w = self.random(f"{output}.w", filters, *window.kernel, channels)
        return self.put(Conv2d(window, **attrs), x, w, self.random(f"{output}.b", filters), output=output)

    def linear(self, x: str, rows: int, output: str, **attrs: object) -> str:
        w = self.random(f"{output}.w", rows, self.tensors[x].shape[-1])
        return self.put(Linear(**attrs), x, w, self.random(f"{output}.b", rows), output=output)

    def affine(self, x: str, axis: int, output: str, *, shift: bool = True, uniform: bool = False) -> str:
        channels = self.tensors[x].shape[axis]
        a, b = self.rng.normal(size=(2, 1 if uniform else channels)).repeat(
            channels if uniform else 1, axis=1
        )
        a = self.constant(f"{output}.a", a)
        b = self.constant(f"{output}.b", b if shift else np.zeros(channels))
        return self.put(Affine(axis), x, a, b, output=output)

    def clip(self, x: str, output: str, clamp: Clamp = RELU) -> str:
        return self.put(Clip(clamp), x, output=output)

    def reshape(self, x: str, shape: Sequence[int], output: str) -> str:
        return self.put(Reshape(tuple(shape)), x, output=output)

    def transpose(self, x: str, perm: Sequence[int], output: str) -> str:
        return self.put(Transpose(tuple(perm)), x, output=output)

    def build(self, *outputs: str) -> Graph:
        def port(name: str) -> Port:
            shape = self.tensors[name].shape
            return Port(name, name, shape, tuple(range(len(shape))))

        return make_graph(
            Stage.FLOAT,
            self.nodes,
            self.tensors,
            self.constants,
            [port(name) for name in self.inputs],
            [port(name) for name in outputs],
        )


def check_pass(each: Callable[[Graph], Graph], graph: Graph) -> Graph:
    """The changed graph, proved sound and equal in what it computes; a second run changes nothing."""
    verify_graph(graph)
    changed = each(graph)
    verify_graph(changed)
    for seed in range(2):
        feeds = random_feeds(graph, seed)
        assert_same(run(write_graph(graph), feeds), run(write_graph(changed), feeds))
    return changed


def unchanged(each: Callable[[Graph], Graph], graph: Graph) -> bool:
    """Whether a pass gives back the very graph."""
    verify_graph(graph)
    return each(graph) is graph


def summary(graph: Graph) -> str:
    """Nodes in order, `output = kind(activations)`."""
    lines = []
    for node in graph.nodes:
        inputs = ", ".join(name for name in node.inputs if name not in graph.constants)
        lines.append(f"{node.output} = {node.op.kind}({inputs})")
    return "\n".join(lines)

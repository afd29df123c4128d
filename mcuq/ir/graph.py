"""The graph: named tensors, constants and nodes in topological order. The only user of networkx."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import networkx as nx

from mcuq.ir.op import NodeView, Op, RangeRule
from mcuq.ir.types import Array, DType, Float32, QuantParams, Shape, WholeNumbers


class Stage(enum.Enum):
    """How far a graph has come; `ir/verify.py` says what each stage promises."""

    FLOAT = "float"
    CANONICAL = "canonical"
    QUANTIZED = "quantized"


@dataclasses.dataclass(frozen=True, slots=True)
class Tensor:
    """An edge of the graph.

    Args:
        name: unique in the graph; arbitrary text from the model, never used as code.
        shape: static, with the batch axis where the model has one.
        dtype: FLOAT32 until quantized.
        quant: quantization parameters from stage QUANTIZED on.
    """

    name: str
    shape: Shape
    dtype: DType = DType.FLOAT32
    quant: QuantParams | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """One operator applied to named tensors; it has at least one output."""

    name: str
    op: Op
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def output(self) -> str:
        """The first output: of most operators the only one."""
        return self.outputs[0]

    def rule(self, output: str) -> RangeRule:
        """The range rule of one of its outputs."""
        return self.op.rules()[self.outputs.index(output)]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class StateTie:
    """Makes state of an output and an input: the next run's input is what this run's output was.

    Args:
        input: name of the input.
        initial: its real values in the first run, float32 in the model's layout.
    """

    input: str
    initial: Float32


@dataclasses.dataclass(frozen=True, slots=True)
class Port:
    """A graph input or output: how the model's array becomes the device's.

    `device = model.transpose(perm).reshape(tensor shape)`; the inverse for outputs.

    Args:
        name: the model's name of it.
        tensor: the graph tensor.
        model_shape: the shape in the model's own layout.
        perm: permutation of the model's axes.
        feeds: of an output that is state, which input it becomes; neither is a port of the program then.
        whole: of an input of integers that are its codes: which; None where its range is measured.
    """

    name: str
    tensor: str
    model_shape: Shape
    perm: tuple[int, ...]
    feeds: StateTie | None = None
    whole: WholeNumbers | None = None


@dataclasses.dataclass(frozen=True)
class Graph:
    """A dataflow graph, immutable; a pass returns a new one.

    Args:
        stage: what the graph promises.
        nodes: in topological order (`make_graph` sorts).
        tensors: every tensor by name, constants included.
        constants: read-only arrays of the constant tensors.
        inputs: the model's inputs.
        outputs: the model's outputs.
    """

    stage: Stage
    nodes: tuple[Node, ...]
    tensors: Mapping[str, Tensor]
    constants: Mapping[str, Array]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    def producer(self, tensor: str) -> Node | None:
        """The node that computes a tensor, None for inputs and constants."""
        return self._producers.get(tensor)

    def consumers(self, tensor: str) -> tuple[Node, ...]:
        """The nodes that read a tensor, in order, each once."""
        return self._consumers.get(tensor, ())

    def view(self, node: Node) -> NodeView:
        """What the operator of a node is told about it."""
        shapes = tuple(self.tensors[name].shape for name in node.inputs)
        constants = tuple(self.constants.get(name) for name in node.inputs)
        return NodeView(shapes, self.tensors[node.output].shape, constants)

    def is_output(self, tensor: str) -> bool:
        """Whether the model returns the tensor."""
        return any(port.tensor == tensor for port in self.outputs)

    def __post_init__(self) -> None:
        """Index producers and consumers."""
        producers = {name: node for node in self.nodes for name in node.outputs}
        readers: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                readers.setdefault(name, []).append(node)
        consumers = {name: tuple(nodes) for name, nodes in readers.items()}
        object.__setattr__(self, "_producers", producers)
        object.__setattr__(self, "_consumers", consumers)
        object.__setattr__(self, "tensors", MappingProxyType(dict(self.tensors)))
        object.__setattr__(self, "constants", MappingProxyType(dict(self.constants)))

    _producers: Mapping[str, Node] = dataclasses.field(init=False, repr=False, compare=False)
    _consumers: Mapping[str, tuple[Node, ...]] = dataclasses.field(init=False, repr=False, compare=False)


# `name [role]` is how mcuq names the value of tensor `name` in another shape or layout; where `name` itself
# is gone in the end, the tensor gets it back.
LAYOUT_ROLES = ("nhwc", "4d", "flat")


class CycleError(Exception):
    """The nodes named in `cycle` depend on each other."""

    def __init__(self, cycle: Sequence[str]) -> None:
        """Name the nodes of one cycle."""
        self.cycle = tuple(cycle)
        super().__init__(" -> ".join(cycle))


def sort_nodes(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Topological order; ties keep the given order.

    Raises:
        CycleError: with the node names of one cycle.
    """
    nodes = tuple(nodes)
    producers = {name: index for index, node in enumerate(nodes) for name in node.outputs}
    digraph: nx.DiGraph = nx.DiGraph()
    digraph.add_nodes_from(range(len(nodes)))
    for index, node in enumerate(nodes):
        digraph.add_edges_from((producers[name], index) for name in node.inputs if name in producers)
    try:
        order = list(nx.lexicographical_topological_sort(digraph))
    except nx.NetworkXUnfeasible:
        cycle = nx.find_cycle(digraph)
        raise CycleError([nodes[source].name for source, _ in cycle]) from None
    return tuple(nodes[index] for index in order)


def make_graph(
    stage: Stage,
    nodes: Iterable[Node],
    tensors: Mapping[str, Tensor],
    constants: Mapping[str, Array],
    inputs: Iterable[Port],
    outputs: Iterable[Port],
) -> Graph:
    """Sort the nodes, drop what no output needs, and keep exactly the tensors in use."""
    inputs, outputs = tuple(inputs), tuple(outputs)
    order = sort_nodes(nodes)
    needed = {port.tensor for port in outputs}
    kept: list[Node] = []
    for node in reversed(order):
        if not needed.isdisjoint(node.outputs):
            kept.append(node)
            needed.update(node.inputs)
            needed.update(node.outputs)
    needed.update(port.tensor for port in inputs)
    return Graph(
        stage,
        tuple(reversed(kept)),
        {name: tensor for name, tensor in tensors.items() if name in needed},
        {name: array for name, array in constants.items() if name in needed},
        inputs,
        outputs,
    )

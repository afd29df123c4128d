"""Which channels can be rescaled together: tensors joined by operators that scale with their input."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable

import numpy as np

from mcuq.ir.expression import Expression, evaluate
from mcuq.ir.graph import Graph, Node
from mcuq.ir.op import Clamp, Op
from mcuq.ops.arithmetic import Add
from mcuq.ops.conv import Conv2d
from mcuq.ops.linear import Linear
from mcuq.ops.move import Reshape, Slice, Transpose
from mcuq.ops.pad import Pad
from mcuq.ops.pool import AveragePool, MaxPool, Mean
from mcuq.ops.resize import ResizeNearest
from mcuq.ops.table import Table
from mcuq.ops.unary import Clip
from mcuq.quantize.equalize.weights import WeightedOp


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """Tensors whose channels must be rescaled alike, and the layers about them.

    Args:
        channels: how many there are; channel c of a tensor is every element whose index along the last axis
            is c modulo this.
        tensors: the group.
        producers: the weighted layers that write them.
        consumers: the weighted layers that read them.
    """

    channels: int
    tensors: tuple[str, ...]
    producers: tuple[Node, ...]
    consumers: tuple[Node, ...]


def find_groups(graph: Graph) -> tuple[Group, ...]:
    """All groups of a graph whose channels can be rescaled without changing what the graph computes.

    A group is enclosed by weighted layers: nothing else writes its tensors or reads them, and none of them is
    an input or output of the model.

    Args:
        graph: stage CANONICAL.
    """
    members: dict[str, list[str]] = {}
    for name, key in _joined(graph).items():
        members.setdefault(key, []).append(name)
    groups = (_group(graph, tuple(names)) for names in members.values())
    return tuple(group for group in groups if group is not None)


def _joined(graph: Graph) -> dict[str, str]:
    """A name for the group of every activation."""
    parent = {port.tensor: port.tensor for port in graph.inputs}
    parent |= {node.output: node.output for node in graph.nodes}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    for node in graph.nodes:
        if is_homogeneous(node.op) and not isinstance(node.op, WeightedOp):
            for name in node.inputs:
                if name in parent:
                    parent[root(name)] = root(node.output)
    return {name: root(name) for name in parent}


def _group(graph: Graph, names: tuple[str, ...]) -> Group | None:
    """The group of some tensors, None where something stands in the way."""
    ports = {port.tensor for port in (*graph.inputs, *graph.outputs)}
    if ports & set(names):
        return None
    writers = [node for node in graph.nodes if node.output in names]
    readers = [node for node in graph.nodes if any(name in names for name in node.inputs)]
    if not all(is_homogeneous(node.op) for node in writers):
        return None
    inner = [node for node in (*writers, *readers) if not isinstance(node.op, WeightedOp)]
    if not all(_keeps_channels(graph, node) and node.output in names for node in inner):
        return None
    producers = tuple(node for node in writers if isinstance(node.op, WeightedOp))
    consumers = tuple(node for node in readers if isinstance(node.op, WeightedOp))
    if not producers or not consumers:
        return None
    sizes = {graph.tensors[node.output].shape[-1] for node in producers}
    channels = sizes.pop()
    if sizes or any(graph.tensors[name].shape[-1] % channels for name in names):
        return None
    return Group(channels, names, producers, consumers)


def is_homogeneous(op: Op) -> bool:
    """Whether `op(s x) = s op(x)` for every s > 0, its bias scaled likewise."""
    if isinstance(op, Conv2d | Linear | Add | Mean | Clip):
        return _is_homogeneous_clamp(op.clamp)
    if isinstance(op, Table):
        return _is_homogeneous_clamp(op.clamp) and _is_homogeneous_function(op.function)
    if isinstance(op, Pad):
        return op.value == 0
    return isinstance(op, MaxPool | AveragePool | Reshape | Transpose | Slice | ResizeNearest)


def _is_homogeneous_clamp(clamp: Clamp) -> bool:
    return all(limit == 0 or math.isinf(limit) for limit in (clamp.lo, clamp.hi))


def _is_homogeneous_function(function: Expression) -> bool:
    """Whether doubling the input doubles the output exactly, over many magnitudes, as leaky ReLU does."""
    x = np.outer([-1.0, 1.0], np.geomspace(1e-6, 1e6, 97)).reshape(-1)
    once, twice = evaluate(function, x), evaluate(function, 2 * x)
    return bool(np.isfinite(once).all() and (twice == 2 * once).all())


def _keeps_channels(graph: Graph, node: Node) -> bool:
    """Whether an operator that is no layer leaves every value in its channel."""
    op = node.op
    if not is_homogeneous(op):
        return False
    if isinstance(op, Add):
        # A constant operand or one that is broadcast over channels would have to be scaled too.
        last = graph.tensors[node.output].shape[-1:]
        shapes = [graph.tensors[name].shape[-1:] for name in node.inputs]
        return all(shape == last for shape in shapes) and not _reads_constants(graph, node.inputs)
    if isinstance(op, Transpose):
        return op.perm[-1] == len(op.perm) - 1
    if isinstance(op, Slice | Pad):
        return graph.tensors[node.output].shape[-1] == graph.tensors[node.inputs[0]].shape[-1]
    return True


def _reads_constants(graph: Graph, names: Iterable[str]) -> bool:
    return any(name in graph.constants for name in names)

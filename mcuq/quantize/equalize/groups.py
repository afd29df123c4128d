"""Which channels can be rescaled together: tensors joined by operators that scale with their input."""

from __future__ import annotations

import dataclasses

from mcuq.ir.graph import Graph, Node
from mcuq.ir.traits import WeightedOp


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
        if node.op.is_homogeneous() and not isinstance(node.op, WeightedOp):
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
    if not all(node.op.is_homogeneous() for node in writers):
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


def _keeps_channels(graph: Graph, node: Node) -> bool:
    """Whether an operator that is no layer leaves every value in its channel."""
    return node.op.is_homogeneous() and node.op.keeps_channels(graph.view(node))

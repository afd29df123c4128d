"""Graphs inside nodes, as the branches of If: what is in them, and what they read of the graph around them.

They are as deep as protobuf's parser lets messages lie in each other, which is a hundred at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import onnx


def nested_graphs(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.GraphProto]:
    """All graphs inside nodes, those inside them included."""
    stack = list(nodes)
    while stack:
        for attribute in stack.pop().attribute:
            for graph in [attribute.g] if attribute.HasField("g") else [*attribute.graphs]:
                yield graph
                stack.extend(graph.node)


def nested_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """Nodes, and those of all graphs inside them."""
    nodes = list(nodes)
    yield from nodes
    for graph in nested_graphs(nodes):
        yield from graph.node


def names_in(graph: onnx.GraphProto) -> set[str]:
    """Every name of a tensor in a graph, without the graphs inside it."""
    names = {str(name) for node in graph.node for name in (*node.input, *node.output)}
    return names | {str(value.name) for value in (*graph.input, *graph.output)} | _stored(graph)


def _stored(graph: onnx.GraphProto) -> set[str]:
    stored = {str(tensor.name) for tensor in graph.initializer}
    return stored | {str(tensor.values.name) for tensor in graph.sparse_initializer}


def defined_names(graph: onnx.GraphProto) -> set[str]:
    """The tensors that a graph defines itself."""
    computed = {str(name) for node in graph.node for name in node.output}
    return computed | {str(value.name) for value in graph.input} | _stored(graph)


def free_names(nodes: Iterable[onnx.NodeProto]) -> set[str]:
    """The tensors that the graphs inside nodes read and do not define."""
    found: set[str] = set()
    for node in nodes:
        for attribute in node.attribute:
            for graph in [attribute.g] if attribute.HasField("g") else [*attribute.graphs]:
                read = {str(name) for each in graph.node for name in each.input}
                read |= {str(value.name) for value in graph.output} | free_names(graph.node)
                found |= read - defined_names(graph)
    return found - {""}


def rename(node: onnx.NodeProto, names: Mapping[str, str]) -> onnx.NodeProto:
    """A copy of a node with other names for what it reads and writes, in the graphs inside it too.

    Args:
        node: as stored.
        names: new names by old ones; none of the new ones is in a graph inside the node.
    """
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.output[:] = [names.get(str(name), str(name)) for name in node.output]
    _rename_inputs(copy, names)
    return copy


def _rename_inputs(node: onnx.NodeProto, names: Mapping[str, str]) -> None:
    node.input[:] = [names.get(str(name), str(name)) for name in node.input]
    for attribute in node.attribute:
        for graph in [attribute.g] if attribute.HasField("g") else [*attribute.graphs]:
            defined = defined_names(graph)
            left = {old: new for old, new in names.items() if old not in defined}
            for each in graph.node:
                _rename_inputs(each, left)
            for value in graph.output:
                value.name = left.get(str(value.name), str(value.name))

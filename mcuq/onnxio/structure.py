"""Whether the nodes of the file are a sound dataflow graph, and in which order they run."""

from __future__ import annotations

import graphlib
from collections import Counter
from collections.abc import Iterable

import onnx

from mcuq.onnxio.node import OnnxNode, make_node
from mcuq.onnxio.refusal import Problems, quoted
from mcuq.onnxio.subgraphs import free_names


def check_structure(graph: onnx.GraphProto, file: str) -> tuple[OnnxNode, ...]:
    """The nodes in an order that computes every tensor before it is read.

    Raises:
        McuqError: M007 for duplicate and dangling names and for cycles, all of the file at once.
    """
    problems = Problems(file)
    nodes = tuple(make_node(index, proto) for index, proto in enumerate(graph.node))
    stored = {str(tensor.name) for tensor in graph.initializer}
    stored |= {str(tensor.values.name) for tensor in graph.sparse_initializer}
    given = {str(value.name) for value in graph.input}
    _check_unique(graph, nodes, stored | given, problems)
    _check_dangling(graph, nodes, stored | given, problems)
    problems.stop()
    order = _sort(nodes, problems)
    problems.stop()
    return order


def _duplicates(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _check_unique(
    graph: onnx.GraphProto, nodes: tuple[OnnxNode, ...], known: set[str], problems: Problems
) -> None:
    computed = [name for node in nodes for name in node.outputs if name]
    for what, names in (
        ("initializer", _duplicates(str(tensor.name) for tensor in graph.initializer)),
        ("graph input", _duplicates(str(value.name) for value in graph.input)),
        ("graph output", _duplicates(str(value.name) for value in graph.output)),
        ("tensor", _duplicates(computed)),
        ("tensor", [name for name in dict.fromkeys(computed) if name in known]),
    ):
        for name in names:
            problems.add(
                "M007",
                "a name stands for two things",
                f"{what} {quoted(name)}",
                f"{what} {quoted(name)} is defined more than once",
                "give every tensor a name of its own, or export the model again",
            )


def _check_dangling(
    graph: onnx.GraphProto, nodes: tuple[OnnxNode, ...], known: set[str], problems: Problems
) -> None:
    defined = known | {name for node in nodes for name in node.outputs if name}
    for node in nodes:
        for name in _needs(node):
            if name and name not in defined:
                problems.add(
                    "M007",
                    "a node reads a tensor that nothing computes",
                    node.where,
                    f"input {quoted(name)} is no input, initializer or output of a node",
                    "export the model again; it may have been cut out of a larger one",
                )
    for value in graph.output:
        if str(value.name) not in defined:
            problems.add(
                "M007",
                "nothing computes an output",
                f"output {quoted(str(value.name))}",
                "no node has it as output",
                "export the model again; it may have been cut out of a larger one",
            )


def _needs(node: OnnxNode) -> tuple[str, ...]:
    """What a node reads, by the branches of If as well."""
    return (*node.inputs, *sorted(free_names([node.proto]))) if node.op_type == "If" else node.inputs


def _sort(nodes: tuple[OnnxNode, ...], problems: Problems) -> tuple[OnnxNode, ...]:
    """Topological order; the file's own order where that is one."""
    ready: set[str] = set()
    computed = {name: node.index for node in nodes for name in node.outputs if name}
    for node in nodes:
        if any(name in computed and name not in ready for name in _needs(node)):
            break
        ready.update(node.outputs)
    else:
        return nodes
    edges = {node.index: [computed[name] for name in _needs(node) if name in computed] for node in nodes}
    try:
        return tuple(nodes[index] for index in graphlib.TopologicalSorter(edges).static_order())
    except graphlib.CycleError as error:
        cycle = [nodes[index] for index in error.args[1]]
        problems.add(
            "M007",
            "the graph has a cycle",
            cycle[0].where,
            " needs ".join(quoted(node.name) for node in cycle[:6]),
            "unroll recurrent layers before exporting",
        )
        return ()

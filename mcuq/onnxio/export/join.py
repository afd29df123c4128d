"""Two ONNX models of the same inputs as one, so that one session computes both."""

from __future__ import annotations

from collections.abc import Sequence

import onnx


def join_models(model: bytes, other: bytes, outputs: Sequence[str]) -> tuple[bytes, dict[str, str]]:
    """A model that returns some tensors of another one behind its own outputs.

    Args:
        model: a serialized model as `write_graph` makes it.
        other: one with the same inputs and the same operator set, without subgraphs.
        outputs: some of the other's outputs; what they do not need of it is left out.

    Returns:
        The serialized model, and the names it has for `outputs`.
    """
    joined, added = onnx.load_model_from_string(model), onnx.load_model_from_string(other)
    assert list(joined.graph.input) == list(added.graph.input), "the models have other inputs"
    shared = {"", *(each.name for each in joined.graph.input)}
    prefix = _free_prefix(joined.graph)
    needed = set(outputs)
    nodes = []
    for node in reversed(added.graph.node):
        if needed.isdisjoint(node.output):
            continue
        needed.update(node.input)
        node.name = ""
        node.input[:] = [name if name in shared else prefix + name for name in node.input]
        node.output[:] = [name and prefix + name for name in node.output]
        nodes.append(node)
    joined.graph.node.extend(reversed(nodes))
    for stored in added.graph.initializer:
        if stored.name in needed:
            stored.name = prefix + stored.name
            joined.graph.initializer.append(stored)
    wanted = set(outputs)
    for value in added.graph.output:
        if value.name in wanted:
            value.name = prefix + value.name
            joined.graph.output.append(value)
    return bytes(joined.SerializeToString(deterministic=True)), {name: prefix + name for name in outputs}


def _free_prefix(graph: onnx.GraphProto) -> str:
    """A prefix that no name of a graph has."""
    names = {name for node in graph.node for name in (*node.input, *node.output)}
    names.update(each.name for each in (*graph.input, *graph.output, *graph.initializer))
    prefix = "as read: "
    while any(name.startswith(prefix) for name in names):
        prefix += "'"
    return prefix

"""Gives tensors the names of the model back."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from mcuq.ir.graph import LAYOUT_ROLES, Graph, make_graph

_MADE = re.compile(rf" \[({'|'.join(LAYOUT_ROLES)}|folded)( \d+)?\]$")


def restore_names(graph: Graph) -> Graph:
    """Rename `x [nhwc]` to `x` where that name is free, and inputs and outputs after their ports.

    Constants that passes have changed, `w [folded]`, get the name of the one they began with. No other tensor
    keeps the name of a port: under that name everybody expects the port's own.
    """
    names = dict.fromkeys(graph.tensors)
    renamed: dict[str, str] = {}
    for port in (*graph.inputs, *graph.outputs):
        if port.name in names and port.name != port.tensor and port.name not in renamed:
            renamed[port.name] = _free(f"{port.name} [inner]", names)
            names[renamed[port.name]] = None
            del names[port.name]
    wishes = [(port.tensor, port.name) for port in graph.inputs]
    wishes += [(port.tensor, port.name) for port in graph.outputs if graph.producer(port.tensor)]
    wishes += [(name, _MADE.sub("", name)) for name in graph.tensors]
    for old, new in wishes:
        if new not in names and old in names and old not in renamed:
            renamed[old] = new
            names[new] = None
    if not renamed:
        return graph
    return make_graph(
        graph.stage,
        [
            dataclasses.replace(
                node,
                inputs=tuple(renamed.get(name, name) for name in node.inputs),
                outputs=tuple(renamed.get(name, name) for name in node.outputs),
            )
            for node in graph.nodes
        ],
        {
            renamed.get(name, name): dataclasses.replace(tensor, name=renamed.get(name, name))
            for name, tensor in graph.tensors.items()
        },
        {renamed.get(name, name): array for name, array in graph.constants.items()},
        [dataclasses.replace(port, tensor=renamed.get(port.tensor, port.tensor)) for port in graph.inputs],
        [dataclasses.replace(port, tensor=renamed.get(port.tensor, port.tensor)) for port in graph.outputs],
    )


def _free(name: str, taken: Mapping[str, None]) -> str:
    while name in taken:
        name += "'"
    return name

"""Requantization where neighbours must have different parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from mcuq.ir.graph import Graph, Node, Tensor, make_graph
from mcuq.ir.op import RangeRule
from mcuq.ir.types import QuantParams
from mcuq.ops.table import Requantize


def insert_requantize(
    graph: Graph, params: Mapping[str, QuantParams]
) -> tuple[Graph, dict[str, QuantParams]]:
    """Put a Requantize before every input of a joining operator whose parameters are not the output's.

    Args:
        graph: stage CANONICAL.
        params: of `assign_params`.

    Returns:
        The graph and the parameters of all its activations.
    """
    tensors = dict(graph.tensors)
    constants = dict(graph.constants)
    extended = dict(params)
    nodes: list[Node] = []
    for node in graph.nodes:
        inputs = list(node.inputs)
        if node.op.rule() is RangeRule.UNIFIED:
            for position, name in enumerate(inputs):
                if position in node.op.own_inputs or params[name] == params[node.output]:
                    continue
                if name in constants and node.op.own_inputs:
                    # Rounded once, to what is chosen from.
                    inputs[position] = _fresh(f"{name}/like {node.output}", tensors)
                    tensors[inputs[position]] = Tensor(inputs[position], tensors[name].shape)
                    constants[inputs[position]] = constants[name]
                    extended[inputs[position]] = params[node.output]
                else:
                    inputs[position] = _fresh(f"{name}/requantized", tensors)
                    tensors[inputs[position]] = Tensor(inputs[position], tensors[name].shape)
                    extended[inputs[position]] = params[node.output]
                    title = f"{node.name}/requantize_{position}"
                    nodes.append(requantization(title, name, inputs[position]))
        nodes.append(dataclasses.replace(node, inputs=tuple(inputs)))
    changed = make_graph(graph.stage, nodes, tensors, constants, graph.inputs, graph.outputs)
    return changed, {name: quant for name, quant in extended.items() if name in changed.tensors}


def requantization(name: str, source: str, made: str) -> Node:
    """A node that gives the values of a tensor other parameters."""
    return Node(name, Requantize(), (source,), (made,))


def _fresh(name: str, taken: Mapping[str, Tensor]) -> str:
    while name in taken:
        name += "'"
    return name

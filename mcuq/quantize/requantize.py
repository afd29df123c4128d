"""Requantization where neighbours must have different parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from mcuq.ir.graph import Graph, Node, Tensor, make_graph
from mcuq.ir.op import RangeRule
from mcuq.ir.types import Array, QuantParams
from mcuq.ops.table import Requantize


def insert_requantize(
    graph: Graph, params: Mapping[str, QuantParams]
) -> tuple[Graph, dict[str, QuantParams]]:
    """Put a Requantize before every input of a joining operator whose parameters are not the output's.

    Constants are rounded to the output's instead.

    Args:
        graph: stage CANONICAL.
        params: of `assign_params`.

    Returns:
        The graph and the parameters of all its activations.
    """
    joiner = _Joiner(graph, params)
    for node in graph.nodes:
        joiner.add(node)
    ports = graph.inputs, graph.outputs
    changed = make_graph(graph.stage, joiner.nodes, joiner.tensors, joiner.constants, *ports)
    return changed, {name: quant for name, quant in joiner.params.items() if name in changed.tensors}


class _Joiner:
    """The graph under construction."""

    def __init__(self, graph: Graph, params: Mapping[str, QuantParams]) -> None:
        self.tensors: dict[str, Tensor] = dict(graph.tensors)
        self.constants: dict[str, Array] = dict(graph.constants)
        self.params: dict[str, QuantParams] = dict(params)
        self.nodes: list[Node] = []
        self.rounded: dict[tuple[str, QuantParams], str] = {}

    def add(self, node: Node) -> None:
        """A node behind what its inputs need."""
        inputs = list(node.inputs)
        if node.op.rule() is RangeRule.UNIFIED:
            quant = self.params[node.output]
            for position, name in enumerate(inputs):
                if position in node.op.own_inputs or self.params[name] == quant:
                    continue
                if name in self.constants:
                    inputs[position] = self._constant(name, node.output)
                else:
                    inputs[position] = self._fresh(f"{name}/requantized", name, quant)
                    title = f"{node.name}/requantize_{position}"
                    self.nodes.append(requantization(title, name, inputs[position]))
        self.nodes.append(dataclasses.replace(node, inputs=tuple(inputs)))

    def _constant(self, name: str, output: str) -> str:
        """A constant with the parameters of what it becomes a part of: rounded once, to these."""
        key = name, self.params[output]
        if key not in self.rounded:
            self.rounded[key] = self._fresh(f"{name}/like {output}", name, self.params[output])
            self.constants[self.rounded[key]] = self.constants[name]
        return self.rounded[key]

    def _fresh(self, wanted: str, source: str, quant: QuantParams) -> str:
        """A new tensor of a shape that there is."""
        while wanted in self.tensors:
            wanted += "'"
        self.tensors[wanted] = Tensor(wanted, self.tensors[source].shape)
        self.params[wanted] = quant
        return wanted


def requantization(name: str, source: str, made: str) -> Node:
    """A node that gives the values of a tensor other parameters."""
    return Node(name, Requantize(), (source,), (made,))

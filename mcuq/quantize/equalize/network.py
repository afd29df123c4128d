"""A network under equalization: weights and statistics in scaled units, and the noise of rounding them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping

import numpy as np

from mcuq.ir.graph import Graph, Node
from mcuq.ir.op import RangeRule
from mcuq.ir.traits import WeightedOp
from mcuq.ir.types import Float64, elem_count, freeze
from mcuq.quantize.equalize.groups import Group
from mcuq.quantize.equalize.importance import propagate_importance
from mcuq.quantize.equalize.statistics import ChannelStats
from mcuq.quantize.equalize.weights import divide_outputs, multiply_inputs
from mcuq.quantize.weights import largest_code

# Steps of a range of activations.
_NARROW, _WIDE = 255.0, 65535.0


@dataclasses.dataclass(frozen=True, slots=True)
class Precision:
    """How finely a network will be rounded.

    Args:
        bits: of the weights of some layers, by output tensor; 8 of the others.
        wide: activations that are int16; others are int8.
    """

    bits: Mapping[str, int] = dataclasses.field(default_factory=dict)
    wide: frozenset[str] = frozenset()

    def weight_codes(self, node: Node) -> int:
        """The largest code of a layer's weights."""
        return largest_code(self.bits.get(node.output, 8))

    def steps(self, name: str) -> float:
        """Of how many steps an activation's range is."""
        return _WIDE if name in self.wide else _NARROW


ALL_BYTES = Precision()


class RescaledNetwork:
    """Predicts the power of the outputs' error; rounding errors count as independent and uniform.

    Attributes:
        graph: every layer with weights of its own.
        weights: weights and biases by name, float64, scaled.
        stats: of the activations, scaled.
    """

    def __init__(
        self,
        graph: Graph,
        stats: Mapping[str, ChannelStats],
        is_per_channel: bool,
        precision: Precision = ALL_BYTES,
    ) -> None:
        """Start with the graph as it is.

        Args:
            graph: stage CANONICAL.
            stats: of all activations.
            is_per_channel: whether every output channel has a weight scale of its own.
            precision: of weights and activations.
        """
        self.graph = own_constants(graph)
        self._layers = [node for node in self.graph.nodes if isinstance(node.op, WeightedOp)]
        names = [name for node in self._layers for name in node.inputs[1:]]
        self.weights = {name: self.graph.constants[name].astype(np.float64) for name in names}
        self.stats = dict(stats)
        self._importance = propagate_importance(self.graph, stats)
        self._is_per_channel, self._precision = is_per_channel, precision

    def noise(self) -> float:
        """The predicted power of the whole network's error."""
        tensors = sum(self._tensor_noise(name, None) for name in self.stats)
        return tensors + sum(self._layer_noise(node, None, None) for node in self._layers)

    def group_noise(self, group: Group, scale: Float64) -> float:
        """What of it depends on the scale of a group, if the group's channels were divided by it."""
        total = sum(self._tensor_noise(name, scale) for name in group.tensors)
        for node in (*group.consumers, *(each for each in group.producers if each not in group.consumers)):
            before = scale if node in group.consumers else None
            behind = scale if node in group.producers else None
            total += self._layer_noise(node, before, behind)
        return total

    def divide(self, group: Group, scale: Float64) -> None:
        """Divide the channels of a group by a scale, `[channels]`."""
        for name in group.tensors:
            full = np.tile(scale, len(self.stats[name].lo) // len(scale))
            self.stats[name] = self.stats[name].divided(full)
            if name in self._importance:
                self._importance[name] = self._importance[name] * full**2
        for node in group.producers:
            for name in node.inputs[1:]:
                self.weights[name] = divide_outputs(self.weights[name], scale)
        for node in group.consumers:
            assert isinstance(node.op, WeightedOp)
            name = node.inputs[1]
            self.weights[name] = multiply_inputs(node.op, self.weights[name], scale)

    def scaled_graph(self, groups: Iterable[Group]) -> Graph:
        """The graph with the scaled weights; tensors of scaled groups get names that say so.

        Whoever compares tensors by name with the model's must not take them for the same.
        """
        scaled = {name: freeze(array, "float32") for name, array in self.weights.items()}
        graph = dataclasses.replace(self.graph, constants={**self.graph.constants, **scaled})
        return rename_tensors(graph, [name for group in groups for name in group.tensors])

    def _tensor_noise(self, name: str, scale: Float64 | None) -> float:
        """Of rounding a tensor; 0 where it has the codes of another."""
        producer = self.graph.producer(name)
        if name not in self._importance or (
            producer is not None and producer.op.rule() in (RangeRule.SHARED, RangeRule.FIXED)
        ):
            return 0.0
        stats, importance = self.stats[name], self._importance[name]
        if scale is not None:
            full = np.tile(scale, len(stats.lo) // len(scale))
            stats, importance = stats.divided(full), importance * full**2
        width = max(float(stats.hi.max()), 0.0) - min(float(stats.lo.min()), 0.0)
        positions = elem_count(self.graph.tensors[name].shape[:-1])
        return positions * (width / self._precision.steps(name)) ** 2 / 12 * float(importance.sum())

    def _layer_noise(self, node: Node, before: Float64 | None, behind: Float64 | None) -> float:
        """Of rounding a layer's weights, its inputs divided by one scale and its outputs by another."""
        assert isinstance(node.op, WeightedOp)
        if node.output not in self._importance:
            return 0.0
        weights, squares = self.weights[node.inputs[1]], self.stats[node.inputs[0]].square
        importance = self._importance[node.output] * self.stats[node.output].active
        if before is not None:
            weights = multiply_inputs(node.op, weights, before)
            squares = squares / np.square(np.tile(before, len(squares) // len(before)))
        if behind is not None:
            weights, importance = divide_outputs(weights, behind), importance * behind**2
        view = node.op.by_input(weights)
        largest = np.abs(view).max(axis=(2, 3))
        if not self._is_per_channel:
            largest = np.full_like(largest, largest.max())
        power = squares.reshape(len(view), -1).sum(axis=1) * view.shape[2]
        per_output = np.square(largest / self._precision.weight_codes(node)) / 12 * power[:, None]
        positions = elem_count(self.graph.tensors[node.output].shape[:-1])
        return positions * float(per_output.reshape(-1) @ importance)


def own_constants(graph: Graph) -> Graph:
    """A graph in which nobody else reads the weights and biases of a layer."""
    tensors, constants = dict(graph.tensors), dict(graph.constants)
    nodes = []
    taken = {
        name
        for node in graph.nodes
        for position, name in enumerate(node.inputs)
        if position not in node.op.constant_inputs
    }
    for node in graph.nodes:
        inputs = list(node.inputs)
        for position, name in enumerate(node.inputs):
            if position not in node.op.constant_inputs:
                continue
            if name in taken:
                copy = f"{name}@{node.output}"
                tensors[copy] = dataclasses.replace(tensors[name], name=copy)
                constants[copy] = constants[name]
                inputs[position] = copy
            taken.add(name)
        nodes.append(dataclasses.replace(node, inputs=tuple(inputs)))
    return dataclasses.replace(graph, nodes=tuple(nodes), tensors=tensors, constants=constants)


def plain_name(name: str) -> str:
    """What the model calls a tensor whose name may say that it is equalized."""
    return re.sub(r" \[equalized\]'*$", "", name)


def rename_tensors(graph: Graph, names: Iterable[str]) -> Graph:
    """Mark activations as equalized."""
    new: dict[str, str] = {}
    for name in names:
        new[name] = f"{name} [equalized]"
        while new[name] in graph.tensors:
            new[name] += "'"
    tensors = {
        new.get(name, name): dataclasses.replace(tensor, name=new.get(name, name))
        for name, tensor in graph.tensors.items()
    }
    nodes = tuple(
        dataclasses.replace(
            node,
            inputs=tuple(new.get(name, name) for name in node.inputs),
            outputs=tuple(new.get(name, name) for name in node.outputs),
        )
        for node in graph.nodes
    )
    return dataclasses.replace(graph, nodes=nodes, tensors=tensors)

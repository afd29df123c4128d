"""From a canonical graph with ranges to a quantized graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np

from mcuq.calibrate.params import Scheme
from mcuq.calibrate.ranges import Ranges
from mcuq.errors import McuqError, Problem
from mcuq.ir.graph import Graph, Node, Stage, Tensor
from mcuq.ir.integer import round_half_away_array
from mcuq.ir.roles import WeightedInputs
from mcuq.ir.types import FLOAT32_MAX, Array, Float64, QuantParams, freeze
from mcuq.quantize.activation_widths import fit_widths
from mcuq.quantize.activations import ALL_NARROW, Widths, assign_params, operand_constants
from mcuq.quantize.requantize import insert_requantize
from mcuq.quantize.weights import QuantizedWeights, quantize_weights


def quantize_graph(
    graph: Graph,
    ranges: Ranges,
    scheme: Scheme,
    is_per_channel: bool = True,
    widths: Widths = ALL_NARROW,
    bits: Mapping[str, int] = MappingProxyType({}),
) -> Graph:
    """Give every activation its parameters and every weighted layer integer weights.

    Args:
        graph: stage CANONICAL.
        ranges: of `mcuq.quantize.activations.calibrated_tensors`.
        scheme: of the activations.
        is_per_channel: whether every output channel has a weight scale of its own.
        widths: which tensors are int16.
        bits: of the weights of some layers, by output tensor; 8 of the others.

    Returns:
        A graph of stage QUANTIZED. A constant that two layers share is quantized for each of them.
    """
    graph, ranges, widths = fit_widths(graph, ranges, widths)
    draft = start_draft(graph, assign_params(graph, ranges, scheme, widths))
    for node in draft.graph.nodes:
        draft.add_nearest(node, is_per_channel, bits.get(node.output, 8))
    return draft.finish()


def weighted_constants(graph: Graph, node: Node, part: WeightedInputs) -> tuple[Array, Array]:
    """Weights and bias of one of a node's sums of products; zeros for a bias that there is not."""
    weights = graph.constants[node.inputs[part.weights]]
    if part.bias is None:
        return weights, freeze(np.zeros(len(weights), np.float32))
    return weights, graph.constants[node.inputs[part.bias]]


def summed_tensor(node: Node, part: WeightedInputs) -> str:
    """The tensor whose codes one of a node's sums takes: its output, of the step before, where it says so."""
    return node.output if part.x is None else node.inputs[part.x]


@dataclasses.dataclass
class Draft:
    """A quantized graph under construction.

    Args:
        graph: the canonical graph with its Requantize nodes.
        tensors: quantized tensors by name: all activations, and the constants so far.
        constants: their codes.
        nodes: those that are done.
    """

    graph: Graph
    tensors: dict[str, Tensor]
    constants: dict[str, Array]
    nodes: list[Node] = dataclasses.field(default_factory=list)

    def step_of(self, name: str) -> float:
        """The scale of an activation."""
        quant = self.tensors[name].quant
        assert quant is not None
        return quant.step

    def add_nearest(self, node: Node, is_per_channel: bool, bits: int = 8) -> Node:
        """Append a node with each weight at its nearest code, and return it."""
        layers = []
        for part in node.op.weighted:
            weights, bias = weighted_constants(self.graph, node, part)
            step = self.step_of(summed_tensor(node, part))
            layers.append(quantize_weights(weights, bias, step, is_per_channel, bits))
        return self.add_layer(node, *layers)

    def add_layer(self, node: Node, *layers: QuantizedWeights) -> Node:
        """Append a node with integer weights of its own, one set for each of its sums, and return it."""
        inputs = list(node.inputs)
        for part, layer in zip(node.op.weighted, layers, strict=True):
            self._put(inputs, part.weights, f"{node.output}/weights", layer.weights, layer.weight_params)
            if part.bias is not None:
                self._put(inputs, part.bias, f"{node.output}/bias", layer.bias, layer.bias_params)
        self.nodes.append(dataclasses.replace(node, inputs=tuple(inputs)))
        return self.nodes[-1]

    def _put(self, inputs: list[str], position: int, hint: str, codes: Array, quant: QuantParams) -> None:
        """A constant of a node; its name begins with the unique output, as layers may share what it was."""
        inputs[position] = _fresh(hint, self.tensors)
        self.tensors[inputs[position]] = Tensor(inputs[position], codes.shape, quant.dtype, quant)
        self.constants[inputs[position]] = codes

    def finish(self) -> Graph:
        """The graph, stage QUANTIZED."""
        ports = self.graph.inputs, self.graph.outputs
        return Graph(Stage.QUANTIZED, tuple(self.nodes), self.tensors, self.constants, *ports)


def start_draft(graph: Graph, params: Mapping[str, QuantParams]) -> Draft:
    """Requantize where neighbours must differ, and quantize constants that stand where activations could.

    Raises:
        McuqError: Q003 for every layer whose weights or bias need a scale that single precision cannot hold.
    """
    problems = list(_scale_problems(graph, params))
    if problems:
        raise McuqError(problems)
    graph, extended = insert_requantize(graph, params)
    tensors = {name: _with_params(graph.tensors[name], quant) for name, quant in extended.items()}
    constants: dict[str, Array] = {
        name: quantize_values(graph.constants[name].astype(np.float64), extended[name])
        for name in operand_constants(graph)
    }
    return Draft(graph, tensors, constants)


def _scale_problems(graph: Graph, params: Mapping[str, QuantParams]) -> Iterator[Problem]:
    for node, part in [(each, part) for each in graph.nodes for part in each.op.weighted]:
        arrays = weighted_constants(graph, node, part)
        weight, bias = (float(np.abs(array).max(initial=0)) for array in arrays)
        step = params[summed_tensor(node, part)].step
        if max(weight * step, weight, bias / (step * 2.0**30)) > FLOAT32_MAX / 2:
            yield Problem(
                "Q003",
                f"the scales of {node.op.kind} {node.name!r} are out of range",
                f"node {node.name!r} ({node.op.kind}), output {node.output!r}",
                f"weights up to {weight:g} and a bias up to {bias:g} meet an input of scale {step:g}",
                "look for an input that is nearly always zero in the calibration data, or for odd weights",
            )


def quantize_values(values: Float64, quant: QuantParams) -> Array:
    """Codes of constants: nearest, ties away from zero, computed in float64. Source: docs/numerics.md, R1."""
    codes = round_half_away_array(values / quant.step) + quant.zero_point
    return freeze(np.clip(codes, quant.dtype.qmin, quant.dtype.qmax), quant.dtype.numpy)


def _with_params(tensor: Tensor, quant: QuantParams) -> Tensor:
    return dataclasses.replace(tensor, dtype=quant.dtype, quant=quant)


def _fresh(name: str, taken: Mapping[str, Tensor]) -> str:
    while name in taken:
        name += "'"
    return name

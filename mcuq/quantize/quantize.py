"""From a canonical graph with ranges to a quantized graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from mcuq.calibrate.params import Scheme
from mcuq.calibrate.ranges import Ranges
from mcuq.ir.graph import Graph, Stage, Tensor
from mcuq.ir.integer import round_half_away_array
from mcuq.ir.types import Array, DType, Float64, QuantParams, freeze
from mcuq.quantize.activations import assign_params, operand_constants
from mcuq.quantize.requantize import insert_requantize
from mcuq.quantize.weights import QuantizedWeights, quantize_weights


def quantize_graph(graph: Graph, ranges: Ranges, scheme: Scheme, is_per_channel: bool = True) -> Graph:
    """Give every activation its parameters and every weighted layer integer weights.

    Args:
        graph: stage CANONICAL.
        ranges: of `mcuq.quantize.activations.calibrated_tensors`.
        scheme: of the activations.
        is_per_channel: whether every output channel has a weight scale of its own.

    Returns:
        A graph of stage QUANTIZED. A constant that two layers share is quantized for each of them.
    """
    graph, params = insert_requantize(graph, assign_params(graph, ranges, scheme))
    tensors = {name: _with_params(graph.tensors[name], quant) for name, quant in params.items()}
    constants: dict[str, Array] = {
        name: quantize_values(graph.constants[name].astype(np.float64), params[name])
        for name in operand_constants(graph)
    }
    nodes = []
    for node in graph.nodes:
        if not node.op.constant_inputs:
            nodes.append(node)
            continue
        x, w, b = node.inputs
        layer = quantize_weights(graph.constants[w], graph.constants[b], params[x].step, is_per_channel)
        # Prefixed by the unique output: a shared constant gets one copy per layer.
        names = tuple(_fresh(f"{node.output}/{part}", tensors) for part in ("weights", "bias"))
        _add_constants(names, layer, tensors, constants)
        nodes.append(dataclasses.replace(node, inputs=(x, *names)))
    return Graph(Stage.QUANTIZED, tuple(nodes), tensors, constants, graph.inputs, graph.outputs)


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


def _add_constants(
    names: tuple[str, ...], layer: QuantizedWeights, tensors: dict[str, Tensor], constants: dict[str, Array]
) -> None:
    pairs = ((layer.weights, layer.weight_params), (layer.bias, layer.bias_params))
    for name, (codes, quant) in zip(names, pairs, strict=True):
        tensors[name] = Tensor(name, codes.shape, DType(codes.dtype.name), quant)
        constants[name] = codes

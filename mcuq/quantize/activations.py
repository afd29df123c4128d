"""Quantization parameters of every activation, from ranges and the operators' own rules."""

from __future__ import annotations

from mcuq.calibrate.params import Scheme, quant_params
from mcuq.calibrate.ranges import Ranges
from mcuq.ir.graph import Graph
from mcuq.ir.op import RangeRule
from mcuq.ir.types import QuantParams


def calibrated_tensors(graph: Graph) -> tuple[str, ...]:
    """The tensors whose range must be measured: inputs, and outputs of CALIBRATED operators, in order."""
    outputs = (node.output for node in graph.nodes if node.op.range_rule is RangeRule.CALIBRATED)
    return tuple(dict.fromkeys([*(port.tensor for port in graph.inputs), *outputs]))


def assign_params(graph: Graph, ranges: Ranges, scheme: Scheme) -> dict[str, QuantParams]:
    """Parameters of every activation of a canonical graph.

    Args:
        graph: stage CANONICAL.
        ranges: one for each of `calibrated_tensors`.
        scheme: asymmetric or symmetric.

    Source: docs/numerics.md, R1 and R4.
    """
    params = {port.tensor: quant_params(ranges[port.tensor], scheme) for port in graph.inputs}
    for node in graph.nodes:
        match node.op.range_rule:
            case RangeRule.CALIBRATED:
                params[node.output] = quant_params(ranges[node.output], scheme)
            case RangeRule.SHARED:
                params[node.output] = params[node.inputs[0]]
            case RangeRule.FIXED:
                params[node.output] = node.op.fixed_params()
            case _:
                raise AssertionError(node.op.kind)
    return params

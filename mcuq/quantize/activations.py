"""Quantization parameters of every activation, from ranges and the operators' own rules."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping

import numpy as np

from mcuq.calibrate.params import Range, Scheme, quant_params
from mcuq.calibrate.ranges import Ranges, calibrated_tensors, fixed_states, measured_source
from mcuq.ir.graph import Graph, Node, Port
from mcuq.ir.op import NO_LIMITS, RangeRule
from mcuq.ir.traits import ComparingOp, LookupOp
from mcuq.ir.types import DType, QuantParams
from mcuq.quantize.features import feature_params


def operand_constants(graph: Graph) -> tuple[str, ...]:
    """Constants with codes as activations have them: operands of element-wise operators, and tables."""
    return tuple(
        dict.fromkeys(
            name
            for node in graph.nodes
            for position, name in enumerate(node.inputs)
            if name in graph.constants
            and (position not in node.op.constant_inputs or isinstance(node.op, LookupOp))
        )
    )


def joined_inputs(node: Node) -> tuple[str, ...]:
    """The inputs that share parameters with the output where its rule is UNIFIED."""
    return tuple(name for at, name in enumerate(node.inputs) if at not in node.op.own_inputs)


@dataclasses.dataclass(frozen=True, slots=True)
class Widths:
    """Which tensors are int16.

    Args:
        wide: measured tensors, and operands that are constant.
        given: tensors whose range the user gave.
        outputs: types that outputs have to have, by port.
        binary: outputs whose scale is a power of two, by port.
    """

    wide: frozenset[str] = frozenset()
    given: frozenset[str] = frozenset()
    outputs: Mapping[str, DType] = dataclasses.field(default_factory=dict)
    binary: frozenset[str] = frozenset()

    def type_of(self, name: str, dtype: DType = DType.INT8) -> DType:
        """The element type of a tensor; `dtype` where nobody asked for int16."""
        return DType.INT16 if name in self.wide else dtype


ALL_NARROW = Widths()


def assign_params(
    graph: Graph, ranges: Ranges, scheme: Scheme, widths: Widths = ALL_NARROW
) -> dict[str, QuantParams]:
    """Parameters of every activation and operand constant of a canonical graph.

    Tensors that an operator joins (concatenation) or the user ties share one set of parameters as far as
    nothing fixes them; where something does, `insert_requantize` goes between.

    Args:
        graph: stage CANONICAL.
        ranges: one for each of `calibrated_tensors`.
        scheme: asymmetric or symmetric.
        widths: which tensors are int16.

    Source: docs/numerics.md, R1 and R4.
    """
    joined = _joined_ranges(graph, ranges, widths)
    params = {
        port.tensor: _input_params(graph, port, ranges, joined, scheme, widths) for port in graph.inputs
    }
    # State has one set of parameters: also that of an operator, as tanh, which fixes them.
    params |= fixed_states(graph)
    for name in operand_constants(graph):
        values = graph.constants[name]
        span = Range(min(float(np.min(values)), 0.0), max(float(np.max(values)), 0.0))
        params[name] = quant_params(span, scheme, widths.type_of(name))
    for node, name in [(each, name) for each in graph.nodes for name in each.outputs]:
        match node.rule(name):
            case RangeRule.CALIBRATED | RangeRule.UNIFIED:
                if name in widths.wide:
                    params[name] = quant_params(joined[name], scheme, DType.INT16)
                else:
                    params[name] = _measured_params(joined[name], scheme, node.op.measured_type)
            case RangeRule.SHARED:
                params[name] = params[node.inputs[0]]
            case RangeRule.FIXED:
                params[name] = node.op.fixed_params()
            case RangeRule.FLOAT_ONLY:
                raise AssertionError(node.op.kind)
        if isinstance(node.op, ComparingOp):
            (tensor, *_) = (name for name in node.inputs if name not in graph.constants)
            params |= {name: params[tensor] for name in node.inputs if name in graph.constants}
    return params


def _measured_params(measured: Range, scheme: Scheme, dtype: DType) -> QuantParams:
    """Those of a range; of int16 twice as wide, as it has a bit to spare for what was not seen."""
    room = 2.0 if dtype is DType.INT16 else 1.0
    return quant_params(Range(room * measured.lo, room * measured.hi), scheme, dtype)


def _input_params(
    graph: Graph, port: Port, ranges: Ranges, joined: Mapping[str, Range], scheme: Scheme, widths: Widths
) -> QuantParams:
    """Those of an input: its integers', its features', or of the range that was seen."""
    if port.whole is not None:
        return port.whole.quant
    dtype = widths.type_of(port.tensor)
    return feature_params(graph, port, ranges) or quant_params(joined[port.tensor], scheme, dtype)


def tensor_groups(
    graph: Graph, tied: Iterable[tuple[str, ...]], widths: Widths = ALL_NARROW
) -> dict[str, str]:
    """For every measured tensor one that stands for all that it shares parameters with.

    Args:
        graph: stage CANONICAL.
        tied: groups of measured tensors.
        widths: tensors of different widths are not joined.
    """
    group = {name: name for name in calibrated_tensors(graph)}
    inputs = {port.tensor for port in graph.inputs}

    def root(name: str) -> str:
        while group[name] != name:
            name = group[name]
        return name

    for node in graph.nodes:
        if node.op.rule() is not RangeRule.UNIFIED:
            continue
        for name in joined_inputs(node):
            source = measured_source(graph, name)
            # A model input keeps its own range: its codes are the caller's.
            is_alike = source is None or widths.type_of(source) is widths.type_of(node.output)
            if source is not None and source not in inputs and is_alike:
                group[root(source)] = root(node.output)
    for first, *others in tied:
        for name in others:
            group[root(name)] = root(first)
    return {name: root(name) for name in group}


def _joined_ranges(graph: Graph, ranges: Ranges, widths: Widths) -> dict[str, Range]:
    """The range of every measured tensor, merged with those it shares parameters with."""
    group = tensor_groups(graph, ranges.tied, widths)
    merged: dict[str, Range] = {}
    for name, key in group.items():
        merged[key] = ranges[name] if key not in merged else merged[key].union(ranges[name])
    for node in graph.nodes:
        for name in (node.inputs[at] for at in node.op.held_inputs if at < len(node.inputs)):
            known = {each: merged[root] for each, root in group.items()}
            key = group[node.output]
            merged[key] = merged[key].union(range_of(graph, name, known))
    for node in graph.nodes:
        if node.op.least_width:
            merged[group[node.output]] = _widened(merged[group[node.output]], node.op.least_width)
    for port in graph.outputs:
        source = measured_source(graph, port.tensor) if port.name in widths.binary else None
        if source is not None:
            merged[group[source]] = _binary(merged[group[source]])
    return {name: merged[root] for name, root in group.items()}


def _widened(measured: Range, least: float) -> Range:
    """A range of some width at least, around where it is."""
    missing = least - (measured.hi - measured.lo)
    return Range(measured.lo - missing / 2, measured.hi + missing / 2) if missing > 0 else measured


def _binary(measured: Range) -> Range:
    """The least range around another one whose scale in int16 is a power of two."""
    step = measured.amax / DType.INT16.qmax
    amax = DType.INT16.qmax * 2.0 ** math.ceil(math.log2(step)) if step > 0 else 0.0
    return Range(-amax, amax)


def range_of(graph: Graph, name: str, ranges: Mapping[str, Range] | Ranges) -> Range:
    """The range of any tensor: measured, of a constant's values, or of all codes where it is fixed."""
    source = measured_source(graph, name)
    if source is not None:
        return ranges[source]
    while (node := graph.producer(name)) is not None and node.rule(name) is RangeRule.SHARED:
        name = node.inputs[0]
    if node is None:
        for whole in (port.whole for port in graph.inputs if port.tensor == name):
            assert whole is not None
            return Range(min(float(whole.lo), 0.0), max(float(whole.hi), 0.0))
        values = graph.constants[name]
        return Range(min(float(np.min(values)), 0.0), max(float(np.max(values)), 0.0))
    quant = node.op.fixed_params()
    lo, hi = node.op.value_range(lambda: NO_LIMITS)
    codes = (quant.dtype.qmin - quant.zero_point, quant.dtype.qmax - quant.zero_point)
    return Range(min(max(codes[0] * quant.step, lo), 0.0), max(min(codes[1] * quant.step, hi), 0.0))

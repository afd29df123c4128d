"""Requantizations where a file gives a tensor int16 and an operator has no form for that."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from mcuq.calibrate.params import Range, Scheme, quant_params
from mcuq.interchange.names import tensor_names
from mcuq.ir.encodings import Note, Outcome
from mcuq.ir.graph import Graph, Node, Tensor, make_graph
from mcuq.ir.op import RangeRule
from mcuq.ir.types import CODE_TYPES, Array, DType, QuantParams
from mcuq.quantize.requantize import requantization


def narrowed(quant: QuantParams) -> QuantParams:
    """Those of int8 for the values of an int16 tensor; int8 as it is.

    >>> narrowed(QuantParams((1.0,), 0, DType.INT16)).step
    258.00787353515625
    """
    if quant.dtype is not DType.INT16:
        return quant
    largest = quant.step * DType.INT16.qmax
    return quant_params(Range(-largest, largest), Scheme.SYMMETRIC)


def widened(quant: QuantParams) -> QuantParams:
    """Those of int16 for the values of an int8 tensor, each of which stays what it is.

    A step becomes 128, so that 255 of them fit.

    >>> widened(QuantParams((1.0,), -128, DType.INT8)).step
    0.0078125
    """
    if quant.dtype is not DType.INT8:
        return quant
    return quant_params(Range(0.0, quant.step / 128 * DType.INT16.qmax), Scheme.SYMMETRIC, DType.INT16)


def gives_wide(node: Node) -> bool:
    """Whether an operator's output may be int16."""
    return node.op.carries_wide or node.op.measured_type is DType.INT16


def wide_where_given(graph: Graph, given: Mapping[str, QuantParams]) -> Graph:
    """The graph with products in int16 where the file has them so: operators that have such a form."""
    nodes = []
    for node in graph.nodes:
        quant, wide = given.get(node.output), node.op.widen()
        is_wide = quant is not None and quant.dtype is DType.INT16 and wide is not None
        if is_wide and node.op.rule() is RangeRule.FIXED:
            is_wide = wide is not None and wide.fixed_params() == quant
        nodes.append(dataclasses.replace(node, op=wide) if is_wide and wide is not None else node)
    return dataclasses.replace(graph, nodes=tuple(nodes))


def fit_types(
    graph: Graph, params: Mapping[str, QuantParams]
) -> tuple[Graph, dict[str, QuantParams], tuple[Note, ...]]:
    """Put a Requantize before every input of a type that its operator does not take.

    Args:
        graph: stage CANONICAL.
        params: of all its activations and operand constants.

    Returns:
        The graph, the parameters of its activations, and a note for every tensor that is narrowed.
    """
    if all(quant.dtype is not DType.INT16 for quant in params.values()):
        return graph, dict(params), ()
    fitter = _Fitter(graph, params)
    for node in graph.nodes:
        fitter.add(node)
    changed = make_graph(
        graph.stage, fitter.nodes, fitter.tensors, fitter.constants, graph.inputs, graph.outputs
    )
    found = {name: quant for name, quant in fitter.params.items() if name in changed.tensors}
    return changed, found, tuple(fitter.notes)


class _Fitter:
    """The graph under construction."""

    def __init__(self, graph: Graph, params: Mapping[str, QuantParams]) -> None:
        self.graph, self.params = graph, dict(params)
        self.tensors: dict[str, Tensor] = dict(graph.tensors)
        self.constants: dict[str, Array] = dict(graph.constants)
        self.nodes: list[Node] = []
        self.notes: list[Note] = []
        self.made: dict[tuple[str, DType], str] = {}

    def add(self, node: Node) -> None:
        """A node behind what its inputs need."""
        inputs = list(node.inputs)
        for position, name in enumerate(inputs):
            if position in node.op.constant_inputs or name not in self.params:
                continue
            wanted = self._wanted(node, position)
            found = self.params[name].dtype
            if wanted is not None and found in CODE_TYPES and found is not wanted:
                inputs[position] = self._converted(node, name, wanted)
        self.nodes.append(dataclasses.replace(node, inputs=tuple(inputs)))

    def _wanted(self, node: Node, position: int) -> DType | None:
        """The type that an input has to have; None where either is right, or joining settles it."""
        op = node.op
        if not op.carries_wide:
            # What converts its only input is a requantization.
            is_conversion = op.converts and DType.INT16 in op.takes and len(node.inputs) == 1
            return None if is_conversion or position in op.wide_inputs else DType.INT8
        if op.converts or op.rule() is not RangeRule.CALIBRATED:
            return None
        return self.params[node.output].dtype

    def _converted(self, node: Node, name: str, dtype: DType) -> str:
        """A tensor in another type, the same for all that read it."""
        key = name, dtype
        if key in self.made:
            return self.made[key]
        made = f"{name}/{dtype.value}"
        while made in self.tensors:
            made += "'"
        self.made[key] = made
        self.tensors[made] = Tensor(made, self.tensors[name].shape)
        self.params[made] = (widened if dtype is DType.INT16 else narrowed)(self.params[name])
        if name in self.constants:
            self.constants[made] = self.constants[name]
            return made
        self.nodes.append(requantization(f"{name}/to {dtype.value}", name, made))
        if dtype is DType.INT8:
            *_, shown = tensor_names(name)
            why = (
                f"also requantized to int8, scale {self.params[made].step:.9g}: {node.op.kind} takes no int16"
            )
            self.notes.append(Note(shown, "activation", Outcome.CHANGED, why))
        return made

"""Parameters of int16 and int8 where a file gives one and an operator needs the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from mcuq.calibrate.params import Range, Scheme, quant_params
from mcuq.interchange.names import tensor_names
from mcuq.ir.encodings import Note, Outcome
from mcuq.ir.graph import Graph
from mcuq.ir.op import RangeRule
from mcuq.ir.types import DType, QuantParams
from mcuq.quantize.fit_types import fit_types


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


def fit_given(
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
    types = {name: quant.dtype for name, quant in params.items()}
    changed, made = fit_types(graph, types, is_joined=False)
    found, notes = dict(params), []
    for each in made:
        found[each.name] = (widened if each.dtype is DType.INT16 else narrowed)(found[each.source])
        if each.dtype is DType.INT8 and each.reader is not None and not each.is_constant:
            *_, shown = tensor_names(each.source)
            scale, kind = found[each.name].step, each.reader.op.kind
            why = f"also requantized to int8, scale {scale:.9g}: {kind} takes no int16"
            notes.append(Note(shown, "activation", Outcome.CHANGED, why))
    return changed, {name: quant for name, quant in found.items() if name in changed.tensors}, tuple(notes)

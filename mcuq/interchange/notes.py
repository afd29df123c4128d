"""What became of every parameter of a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping

from mcuq.interchange.activations import Given
from mcuq.interchange.names import constant_names, tensor_names
from mcuq.ir.encodings import Encodings, Note, Outcome
from mcuq.ir.graph import Graph
from mcuq.ir.model import Model
from mcuq.ir.op import RangeRule
from mcuq.ir.types import QuantParams
from mcuq.ops.table import Requantize


def shown(quant: QuantParams) -> str:
    """Parameters as one line of a table."""
    return f"scale {quant.step:.9g}, zero point {quant.zero_point}"


def activation_notes(
    graph: Graph, params: Mapping[str, QuantParams], given: Given, encodings: Encodings, source: Model
) -> Iterator[Note]:
    """A note for every activation, and for every parameter of the file that belongs to none.

    Args:
        graph: with its requantizations.
        params: of all its activations.
        given: what the file gives for the graph's tensors.
        encodings: of the file.
        source: the graph as read.
    """
    for name in (*(port.tensor for port in graph.inputs), *(node.output for node in graph.nodes)):
        note = _note(graph, name, params, given)
        if note is not None:
            yield changed(note, tensor_names(name), encodings)
    yield from _ignored(params, given, encodings, source)


def _note(graph: Graph, name: str, params: Mapping[str, QuantParams], given: Given) -> Note | None:
    node, quant = graph.producer(name), params[name]
    is_requantized = node is not None and isinstance(node.op, Requantize)
    if name in given.params:
        assert given.params[name] == quant, name
        how = shown(quant)
        if node is not None and is_requantized:
            how += f", requantized from {shown(params[node.inputs[0]])}"
        return Note(name, "activation", Outcome.USED, how)
    if name in given.derived:
        return Note(name, "activation", Outcome.OWN, f"{shown(quant)}, those of what it becomes")
    if node is None or node.op.rule() in (RangeRule.CALIBRATED, RangeRule.UNIFIED):
        # Requantizations that were put between neighbours are no tensors of the model.
        return (
            None if is_requantized else Note(name, "activation", Outcome.OWN, f"{shown(quant)}, calibrated")
        )
    return None


def changed(note: Note, names: Iterable[str], encodings: Encodings) -> Note:
    """The note with what reading the file changed about a parameter in use."""
    reason = next((encodings.changes[name] for name in names if name in encodings.changes), None)
    if reason is None or note.outcome not in (Outcome.USED, Outcome.CHANGED):
        return note
    return dataclasses.replace(note, outcome=Outcome.CHANGED, detail=f"{note.detail}; {reason}")


def _ignored(
    params: Mapping[str, QuantParams], given: Given, encodings: Encodings, source: Model
) -> Iterator[Note]:
    """Parameters of the file that no tensor of the model has."""
    used = {each for name in given.params for each in (*tensor_names(name), *constant_names(name))}
    groups: dict[str, list[str]] = {}
    for name in encodings.activations:
        groups.setdefault(encodings.same_as.get(name, name), []).append(name)
    for first, names in groups.items():
        if encodings.activations[first if first in names else names[0]] == params.get(first):
            # Of a requantization that was put between neighbours again.
            continue
        if used.isdisjoint(names):
            is_known = any(name in source.graph.tensors for name in names)
            why = "merged into another operator" if is_known else "the model has no such tensor"
            quant = encodings.activations[names[0]]
            yield Note(first, "activation", Outcome.IGNORED, f"{shown(quant)}: {why}")


def constant_notes(encodings: Encodings, used: Collection[str], source: Model) -> Iterator[Note]:
    """A note for every constant of the file that is no layer's weights or bias.

    Args:
        encodings: of the file.
        used: names of weights and biases that have a note.
        source: the graph as read.
    """
    for name, encoding in (*encodings.constants.items(), *encodings.layers.items()):
        if name in used:
            continue
        if encoding.codes is not None:
            yield Note(name, "constant", Outcome.USED, "its real values")
        else:
            is_known = name in source.graph.tensors or name in source.weight_axes
            why = "it is no layer's weights" if is_known else "the model has no such constant or layer"
            yield Note(name, "weights", Outcome.IGNORED, why)

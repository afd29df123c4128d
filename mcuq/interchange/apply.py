"""From a canonical graph and the parameters of a file to a quantized graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from mcuq.calibrate.params import Scheme
from mcuq.calibrate.ranges import Ranges
from mcuq.errors import McuqError, Problem
from mcuq.interchange.activations import Given, assign_given, match_activations
from mcuq.interchange.names import constant_names, tensor_names
from mcuq.interchange.notes import activation_notes, changed, constant_notes
from mcuq.interchange.weights import Layer, Unusable, combine, import_bias, import_weights
from mcuq.ir.encodings import ConstantEncoding, Encodings, Note, Outcome
from mcuq.ir.graph import Graph, Node, Stage
from mcuq.ir.integer import round_half_away_array
from mcuq.ir.model import Model
from mcuq.ir.roles import WeightedInputs
from mcuq.ir.traits import WeightedOp
from mcuq.ir.types import Array, QuantParams, freeze
from mcuq.quantize.activations import operand_constants
from mcuq.quantize.quantize import Draft, summed_tensor, weighted_constants
from mcuq.quantize.weights import QuantizedWeights, weight_scales

_TITLES = {
    "M004": "the quantization of a layer's weights is not supported",
    "Q002": "a bias does not fit int32",
    "Q005": "the scales of a layer's weights do not fit it",
    "Q006": "the weights of a layer contradict their scales",
    "Q010": "the encoding of a layer's weights cannot be used",
}


@dataclasses.dataclass(frozen=True)
class MatchedEncodings:
    """A canonical graph with the parameters that a file gives.

    Args:
        graph: stage CANONICAL.
        source: the graph as read.
        encodings: of the file.
        given: its activations' parameters, found in the graph.
    """

    graph: Graph
    source: Model
    encodings: Encodings
    given: Given


def match(graph: Graph, source: Model, encodings: Encodings) -> MatchedEncodings:
    """Find the parameters of a file in a canonical graph."""
    return MatchedEncodings(graph, source, encodings, match_activations(graph, encodings))


def quantize_matched(
    matched: MatchedEncodings, ranges: Ranges, scheme: Scheme, is_per_channel: bool
) -> tuple[Graph, tuple[Note, ...]]:
    """Quantize a graph with the parameters of a file, and with mcuq's own rules where it gives none.

    Args:
        matched: of `match`.
        ranges: of the tensors that the file leaves open.
        scheme: of these tensors.
        is_per_channel: of weights that the file leaves open.

    Returns:
        A graph of stage QUANTIZED, and what became of every parameter.

    Raises:
        McuqError: M004, Q002, Q005, Q006 or Q010, with all layers concerned.
    """
    graph, params, narrowed = assign_given(matched.graph, matched.given, matched.encodings, ranges, scheme)
    tensors = {
        name: dataclasses.replace(graph.tensors[name], dtype=quant.dtype, quant=quant)
        for name, quant in params.items()
    }
    constants = {name: _codes(graph.constants[name], params[name]) for name in operand_constants(graph)}
    nodes: list[Node] = []
    notes: list[Note] = list(matched.encodings.notes)
    problems: list[Problem] = []
    draft = Draft(graph, tensors, constants, nodes)
    for node in graph.nodes:
        if not (isinstance(node.op, WeightedOp) or _is_named(node, matched.encodings)):
            # Most files know no weights of recurrent layers: these are rounded as without a file.
            draft.add_nearest(node, is_per_channel)
            continue
        try:
            layers = [
                _quantize_layer(
                    matched, graph, node, part, params[summed_tensor(node, part)].step, is_per_channel
                )
                for part in node.op.weighted
            ]
        except Unusable as unusable:
            where = f"{matched.encodings.origin}, node {node.name!r} ({node.op.kind}), output {node.output!r}"
            problems.append(Problem(unusable.code, _TITLES[unusable.code], where, unusable.why, unusable.fix))
            continue
        notes += [note for _, found in layers for note in found]
        draft.add_layer(node, *(layer for layer, _ in layers))
    if problems:
        raise McuqError(problems)
    notes += constant_notes(matched.encodings, {note.tensor for note in notes}, matched.source)
    notes += narrowed
    notes += activation_notes(graph, params, matched.given, matched.encodings, matched.source)
    return Graph(Stage.QUANTIZED, tuple(nodes), tensors, constants, graph.inputs, graph.outputs), tuple(notes)


def _codes(values: Array, quant: QuantParams) -> Array:
    """Codes of a constant operand, nearest, ties away from zero. Source: docs/numerics.md, R1."""
    codes = round_half_away_array(values.astype(np.float64) / quant.step) + quant.zero_point
    return freeze(np.clip(codes, quant.dtype.qmin, quant.dtype.qmax), quant.dtype.numpy)


def _is_named(node: Node, encodings: Encodings) -> bool:
    """Whether a file says something of a node's weights."""
    weights = [node.inputs[part.weights] for part in node.op.weighted]
    return any(name in encodings.constants for each in weights for name in constant_names(each))


def _quantize_layer(
    matched: MatchedEncodings,
    graph: Graph,
    node: Node,
    part: WeightedInputs,
    x_scale: float,
    is_per_channel: bool,
) -> tuple[QuantizedWeights, list[Note]]:
    w, b = node.inputs[part.weights], "" if part.bias is None else node.inputs[part.bias]
    encodings = matched.encodings
    encoding, name = _find(node, w, encodings)
    bias_name = next((each for each in constant_names(b) if each in encodings.constants), None)
    layer = _layer(matched.source, graph, w, weighted_constants(graph, node, part)[1])
    if encoding is not None and encoding in encodings.layers.values():
        # Named by what it computes, not by a constant: scales of the weights as they are now.
        layer = dataclasses.replace(layer, original=None)
    scale = weight_scales(layer.weights, layer.bias, x_scale, is_per_channel)
    if encoding is None:
        rows = layer.weights.astype(np.float64) / scale.reshape(-1, *[1] * (layer.weights.ndim - 1))
        codes = freeze(np.clip(round_half_away_array(rows), -127, 127), "int8")
        note = Note(name, "weights", Outcome.OWN, "the file gives no scales: largest weight, nearest code")
    else:
        codes, scale, note = import_weights(layer, encoding, scale, name)
        note = changed(note, (name,), encodings)
    bias_encoding = None if bias_name is None else encodings.constants[bias_name]
    bias, bias_note = import_bias(layer, bias_encoding, x_scale, scale, bias_name or b)
    notes = [note]
    # A bias that the model does not have is not worth a line.
    if bias_name is not None or bool(layer.bias.any()):
        notes.append(bias_note)
    # Recurrent layers have weights of eight bits alone.
    kept = encoding if isinstance(node.op, WeightedOp) else None
    return combine(codes, scale, bias, x_scale, kept), notes


def _find(node: Node, w: str, encodings: Encodings) -> tuple[ConstantEncoding | None, str]:
    """What a file says about a layer's weights, and the name it has for them."""
    for name in constant_names(w):
        if name in encodings.constants:
            return encodings.constants[name], name
    for name in tensor_names(node.output):
        if name in encodings.layers:
            return encodings.layers[name], name
    return None, w


def _layer(source: Model, graph: Graph, w: str, bias: Array) -> Layer:
    names = tuple(constant_names(w))
    original = next((name for name in reversed(names) if name in source.graph.constants), None)
    known = next((name for name in reversed(names) if name in source.weight_axes), None)
    weights = graph.constants[w]
    axis = 0 if known is None else source.weight_axes[known]
    values = None if original is None else source.graph.constants[original]
    return Layer(weights, bias, values, axis, weights.ndim)


def left_open(source: str, names: tuple[str, ...], what: Mapping[str, str]) -> Problem:
    """The refusal of a file that leaves tensors open, when nothing else says what they are.

    Args:
        source: the file.
        names: the tensors.
        what: the operator that computes each.
    """
    shown = ", ".join(f"{name!r} ({what[name]})" for name in names[:20])
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return Problem(
        "Q007",
        f"the quantization leaves {len(names)} tensor{'s' if len(names) > 1 else ''} open",
        source,
        f"there are no parameters for {shown}{more}",
        "give --calibration to measure these, or quantize them in the file",
    )

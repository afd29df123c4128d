"""Quantization parameters that come with the model, or in a file beside it."""

from __future__ import annotations

from pathlib import Path

from mcuq.calibrate.params import Range, Scheme, quant_params
from mcuq.errors import McuqError, fail
from mcuq.interchange.activations import open_tensors
from mcuq.interchange.apply import MatchedEncodings, left_open, match
from mcuq.interchange.read import read_encodings
from mcuq.ir.graph import Graph
from mcuq.ir.model import Model
from mcuq.options import QuantOptions


def find_encodings(
    source: Model, graph: Graph, file: Path | None, options: QuantOptions
) -> MatchedEncodings | None:
    """The parameters of a quantized model or of an encodings file, None where there are none.

    Args:
        source: the model as read.
        graph: the same, stage CANONICAL.
        file: of encodings.
        options: how to quantize what is left open.

    Raises:
        McuqError: O013 where two sources contradict each other; Q005, Q006, Q008, Q009 or Q010 for the file.
    """
    encodings = source.encodings
    if file is not None:
        if encodings:
            raise fail(
                "O013",
                "two options contradict each other",
                where=f"--encodings {file} and {encodings.origin}",
                why="the model is quantized already, and each of them says how",
                fix="leave --encodings out, or give the float model",
            )
        encodings = read_encodings(file, source, Scheme(options.activations))
    if not encodings:
        return None
    matched = match(graph, source, encodings)
    for port in graph.inputs:
        limits, known = options.input_ranges.get(port.name), matched.given.get(port.tensor)
        if limits is None or known is None:
            continue
        if quant_params(Range(*limits), Scheme(options.activations)) != known:
            raise fail(
                "O013",
                "two options contradict each other",
                where=f"--input-range {port.name} and {encodings.origin}",
                why="each of them says what the range of the input is, and they differ",
                fix="leave --input-range out",
            )
    return matched


def tensors_to_measure(matched: MatchedEncodings, is_measured: bool) -> tuple[str, ...]:
    """The tensors that the parameters leave open.

    Args:
        matched: the parameters.
        is_measured: whether there is something to take their ranges from.

    Raises:
        McuqError: Q007 where there is not.
    """
    names = open_tensors(matched.graph, matched.given)
    if names and not is_measured:
        nodes = {node.output: node.op.kind for node in matched.graph.nodes}
        what = {name: nodes.get(name, "input") for name in names}
        raise McuqError(left_open(matched.encodings.origin, names, what))
    return names

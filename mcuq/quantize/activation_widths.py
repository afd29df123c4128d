"""Which activations are int16, and the requantizations where operators need another type."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from mcuq.calibrate.overrides import overridden_widths
from mcuq.calibrate.params import Range
from mcuq.calibrate.ranges import Fingerprint, Ranges, TensorRange, calibrated_tensors, fixed_states
from mcuq.errors import fail
from mcuq.ir.graph import Graph
from mcuq.ir.op import RangeRule
from mcuq.ir.types import DType
from mcuq.options import QuantOptions
from mcuq.quantize.activations import Widths, range_of, tensor_groups
from mcuq.quantize.equalize.network import plain_name
from mcuq.quantize.fit_types import fit_types, gives_wide
from mcuq.quantize.output_types import has_wide_form, moved_source, output_types

# An int16 tensor has bits to spare for values beyond those that were seen.
_ROOM = 2.0


def resolve_widths(graph: Graph, ranges: Ranges, options: QuantOptions) -> Widths:
    """Which measured tensors are int16.

    Inputs of the model are int8 unless an override says otherwise; others have the option's width, and what
    an output is read from the type that is asked of it, int8 unless something else reads it. Tensors that are
    joined or tied move together: what is said of any of them holds for all, and 16 bits win. A tensor whose
    operator gives int8 alone stays int8, and so does all that is tied to it; state has the type of an
    operator that fixes its parameters.

    Args:
        graph: stage CANONICAL, equalized or not.
        ranges: whose ties count.
        options: the width of all, and of single tensors.

    Raises:
        McuqError: O001 for overrides that match nothing, and outputs that there are not.

    Source: docs/numerics.md, R1.
    """
    measured = calibrated_tensors(graph)
    asked = overridden_widths(graph, {plain_name(name): name for name in measured}, options.overrides)
    inputs = {port.tensor for port in graph.inputs}
    tied = {name for group in ranges.tied for name in group}
    groups: dict[str, list[str]] = {}
    for name, root in tensor_groups(graph, ranges.tied).items():
        groups.setdefault(root, []).append(name)
    ends = output_types(graph, options.asked_types)
    fixed = fixed_states(graph).keys()
    wide: set[str] = set()
    for members in groups.values():
        said = [asked[name] for name in members if name in asked]
        said += [16 for name in members if name in ends.wide]
        is_narrow = bool((inputs | ends.narrow) & {*members})
        default = 8 if is_narrow else options.activation_bits
        if max(said, default=default) == 8:
            continue
        able = [name for name in members if name not in fixed and _carries_wide(graph, name)]
        if len(able) == len(members) or not tied & {*members}:
            wide.update(able)
    given = _given_ranges(graph, options)
    return Widths(frozenset(wide), given, ends.types, ends.binary)


def _carries_wide(graph: Graph, name: str) -> bool:
    """Whether a measured tensor can be int16: an input, or what an operator gives."""
    node = graph.producer(name)
    return node is None or node.op.carries_wide


def _given_ranges(graph: Graph, options: QuantOptions) -> frozenset[str]:
    """Model inputs whose range the user gave: it is what they are quantized for."""
    return frozenset(port.tensor for port in graph.inputs if port.name in options.input_ranges)


def check_widths_are_free(options: QuantOptions) -> None:
    """Refuse widths for activations whose parameters come with the model or in a file.

    Raises:
        McuqError: O013.
    """
    asked = [each.activation_bits for each in options.overrides if each.activation_bits is not None]
    if options.activation_bits != 8 or asked or options.asked_types:
        raise fail(
            "O013",
            "two options contradict each other",
            where="--activation-bits, --output-type and quantization parameters",
            why="parameters that came with the model or in a file say what its activations are",
            fix="leave them out, or quantize the float model with --calibration",
        )


def fit_widths(graph: Graph, ranges: Ranges, widths: Widths) -> tuple[Graph, Ranges, Widths]:
    """Put a Requantize wherever an operator, or who reads an output, needs another type than there is.

    Args:
        graph: stage CANONICAL.
        ranges: of its measured tensors.
        widths: of the same.

    Returns:
        All three with the tensors between; those of int16 have ranges twice as wide as all values seen.
    """
    if not widths.wide and not widths.outputs:
        return graph, ranges, widths
    graph = _wide_ends(graph, widths)
    changed, made = fit_types(graph, _types(graph, widths), widths.outputs, is_joined=True)
    chosen = dict(ranges.tensors)
    for name in widths.wide - widths.given:
        chosen[name] = _roomy(ranges.tensors[name])
    for each in made:
        if not each.is_constant:
            # What is narrowed has the range it would have had in int8.
            found = range_of(graph, each.source, ranges)
            chosen[each.name] = TensorRange(found, Fingerprint(found.lo, found.hi, 0.0, 0.0, 0.0))
            if each.dtype is DType.INT16:
                chosen[each.name] = _roomy(chosen[each.name])
    wide = widths.wide | {each.name for each in made if each.dtype is DType.INT16}
    return changed, dataclasses.replace(ranges, tensors=chosen), dataclasses.replace(widths, wide=wide)


def _wide_ends(graph: Graph, widths: Widths) -> Graph:
    """The graph with operators of fixed ranges that have such a form giving outputs of int16."""
    ends = {
        moved_source(graph, port.tensor)
        for port in graph.outputs
        if widths.outputs.get(port.name) is DType.INT16
    }
    nodes = []
    for node in graph.nodes:
        wide = node.op.widen() if node.output in ends and has_wide_form(node) else None
        nodes.append(node if wide is None else dataclasses.replace(node, op=wide))
    return dataclasses.replace(graph, nodes=tuple(nodes))


def _types(graph: Graph, widths: Widths) -> dict[str, DType]:
    """The type of every activation and operand, as operators give it."""
    # Constants are rounded to int8 where nobody needs them in int16.
    types = dict.fromkeys(graph.constants, DType.INT8)
    for port in graph.inputs:
        dtype = widths.type_of(port.tensor) if port.whole is None else port.whole.quant.dtype
        types[port.tensor] = dtype
    types |= {name: quant.dtype for name, quant in fixed_states(graph).items()}
    for node, name in [(each, name) for each in graph.nodes for name in each.outputs]:
        match node.rule(name):
            case RangeRule.SHARED:
                found = types[node.inputs[0]]
                is_narrowed = found is DType.INT16 and not gives_wide(node)
                types[name] = DType.INT8 if is_narrowed else found
            case RangeRule.FIXED:
                types[name] = node.op.fixed_params().dtype
            case _:
                types[name] = widths.type_of(name, node.op.measured_type)
    return types


def _roomy(found: TensorRange) -> TensorRange:
    """A range that holds all values seen, and as much again.

    Methods that choose ranges weigh clipping against steps of int8, of which int16 has 256 times as many.
    """
    lo, hi = min(found.range.lo, found.seen.lo), max(found.range.hi, found.seen.hi)
    return dataclasses.replace(found, range=Range(_ROOM * lo, _ROOM * hi))


def asked_widths(graph: Graph, options: QuantOptions) -> Mapping[str, int]:
    """What overrides say of the widths of measured tensors, by the model's names, for the record."""
    names = {name: name for name in calibrated_tensors(graph)}
    return overridden_widths(graph, names, options.overrides)

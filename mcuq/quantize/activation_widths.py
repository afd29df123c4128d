"""Which activations are int16, and the requantizations where operators need another type."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from mcuq.calibrate.overrides import overridden_widths
from mcuq.calibrate.params import Range
from mcuq.calibrate.ranges import Fingerprint, Ranges, TensorRange, calibrated_tensors
from mcuq.errors import fail
from mcuq.ir.graph import Graph, Node, Port, Tensor, make_graph
from mcuq.ir.op import RangeRule
from mcuq.ir.types import CODE_TYPES, Array, DType
from mcuq.options import QuantOptions
from mcuq.quantize.activations import Widths, range_of, tensor_groups
from mcuq.quantize.equalize.network import plain_name
from mcuq.quantize.requantize import requantization

# An int16 tensor has bits to spare for values beyond those that were seen.
_ROOM = 2.0


def resolve_widths(graph: Graph, ranges: Ranges, options: QuantOptions) -> Widths:
    """Which measured tensors are int16.

    Inputs of the model are int8 unless an override says otherwise; others have the option's width. Tensors
    that are joined or tied move together: what overrides say of any of them holds for all, and 16 bits win. A
    tensor whose operator gives int8 alone stays int8, and so does all that is tied to it.

    Args:
        graph: stage CANONICAL, equalized or not.
        ranges: whose ties count.
        options: the width of all, and of single tensors.

    Raises:
        McuqError: O001 for overrides that match nothing.

    Source: docs/numerics.md, R1.
    """
    measured = calibrated_tensors(graph)
    asked = overridden_widths(graph, {plain_name(name): name for name in measured}, options.overrides)
    inputs = {port.tensor for port in graph.inputs}
    tied = {name for group in ranges.tied for name in group}
    groups: dict[str, list[str]] = {}
    for name, root in tensor_groups(graph, ranges.tied).items():
        groups.setdefault(root, []).append(name)
    wide: set[str] = set()
    for members in groups.values():
        said = [asked[name] for name in members if name in asked]
        default = 8 if inputs & {*members} else options.activation_bits
        if max(said, default=default) == 8:
            continue
        able = [name for name in members if _carries_wide(graph, name)]
        if len(able) == len(members) or not tied & {*members}:
            wide.update(able)
    return Widths(frozenset(wide), _given_ranges(graph, options))


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
    if options.activation_bits != 8 or asked:
        raise fail(
            "O013",
            "two options contradict each other",
            where="--activation-bits and quantization parameters",
            why="parameters that came with the model or in a file say what its activations are",
            fix="leave the width of activations out, or quantize the float model with --calibration",
        )


def fit_widths(graph: Graph, ranges: Ranges, widths: Widths) -> tuple[Graph, Ranges, Widths]:
    """Put a Requantize wherever an operator needs another type than its input has.

    Args:
        graph: stage CANONICAL.
        ranges: of its measured tensors.
        widths: of the same.

    Returns:
        All three with the tensors between; those of int16 have ranges twice as wide as all values seen.
    """
    if not widths.wide:
        return graph, ranges, widths
    fitter = _Fitter(graph, ranges, widths)
    for port in graph.inputs:
        fitter.add_input(port)
    for node in graph.nodes:
        fitter.add_node(node)
    return fitter.finish()


class _Fitter:
    """The graph under construction, with the type of every activation so far."""

    def __init__(self, graph: Graph, ranges: Ranges, widths: Widths) -> None:
        self.graph, self.widths = graph, widths
        self.tensors: dict[str, Tensor] = dict(graph.tensors)
        self.constants: dict[str, Array] = dict(graph.constants)
        self.nodes: list[Node] = []
        self.types: dict[str, DType] = {}
        # int16 because somebody asked for it, not because its operator is made so.
        self.asked: set[str] = set()
        self.made: dict[tuple[str, DType], str] = {}
        self.wide = set(widths.wide)
        self.known = ranges
        self.chosen = dict(ranges.tensors)
        for name in widths.wide - widths.given:
            self.chosen[name] = _roomy(ranges.tensors[name])
        self.ranges = dataclasses.replace(ranges, tensors=self.chosen)

    def add_input(self, port: Port) -> None:
        """An input of the model."""
        if port.whole is not None:
            self.types[port.tensor] = port.whole.quant.dtype
        else:
            self._set_measured(port.tensor, DType.INT8)

    def _set_measured(self, name: str, dtype: DType) -> None:
        """A tensor with a range: int16 where somebody asked for it, or what its operator makes it."""
        self.types[name] = DType.INT16 if name in self.wide else dtype
        if name in self.wide:
            self.asked.add(name)

    def add_node(self, node: Node) -> None:
        """An operator behind what its inputs need."""
        inputs = list(node.inputs)
        for position, name in enumerate(inputs):
            wanted = self._wanted(node)
            if position in node.op.constant_inputs or wanted is None:
                continue
            if name in self.graph.constants:
                inputs[position] = self._constant(name) if wanted is DType.INT16 else name
            elif self._is_other(name, wanted):
                inputs[position] = self._converted(name, wanted)
        self.nodes.append(dataclasses.replace(node, inputs=tuple(inputs)))
        for name in node.outputs:
            self._set_output(self.nodes[-1], name)

    def _wanted(self, node: Node) -> DType | None:
        """The type that the inputs of a node have to have; None where any is right."""
        op = node.op
        if not op.carries_wide:
            return DType.INT8
        if op.converts or op.rule() not in (RangeRule.CALIBRATED, RangeRule.UNIFIED):
            return None
        return DType.INT16 if node.output in self.wide else DType.INT8

    def _is_other(self, name: str, wanted: DType) -> bool:
        """Whether a tensor has to be converted; int16 that an operator is made for stays as it is."""
        found = self.types[name]
        is_free = name in self.asked or wanted is DType.INT16
        return found in CODE_TYPES and found is not wanted and is_free

    def _set_output(self, node: Node, name: str) -> None:
        match node.rule(name):
            case RangeRule.SHARED:
                source = node.inputs[0]
                # Constants are brought by steps of their own, in int8.
                self.types[name] = self.types.get(source, DType.INT8)
                if source in self.asked:
                    self.asked.add(name)
            case RangeRule.FIXED:
                self.types[name] = node.op.fixed_params().dtype
            case _:
                self._set_measured(name, node.op.measured_type)

    def _constant(self, name: str) -> str:
        """A constant operand as int16, which other operators may read as int8."""
        key = name, DType.INT16
        if key not in self.made:
            self.made[key] = self._fresh(name, DType.INT16)
            self.constants[self.made[key]] = self.constants[name]
            self.wide.add(self.made[key])
        return self.made[key]

    def _converted(self, name: str, dtype: DType) -> str:
        """A tensor in another type, the same for all that read it."""
        key = name, dtype
        if key not in self.made:
            made = self.made[key] = self._fresh(name, dtype)
            # What is narrowed has the range it would have had in int8.
            found = range_of(self.graph, name, self.known)
            seen = Fingerprint(found.lo, found.hi, 0.0, 0.0, 0.0)
            self.chosen[made] = TensorRange(found, seen)
            if dtype is DType.INT16:
                self.chosen[made] = _roomy(self.chosen[made])
                self.wide.add(made)
            self.nodes.append(requantization(f"{name}/to {dtype.value}", name, made))
            self.types[made] = dtype
            if dtype is DType.INT16:
                self.asked.add(made)
        return self.made[key]

    def _fresh(self, name: str, dtype: DType) -> str:
        """A new tensor with the shape of another."""
        fresh = f"{name}/{dtype.value}"
        while fresh in self.tensors:
            fresh += "'"
        self.tensors[fresh] = dataclasses.replace(self.tensors[name], name=fresh)
        return fresh

    def finish(self) -> tuple[Graph, Ranges, Widths]:
        """Graph, ranges and widths."""
        graph = self.graph
        ports = graph.inputs, graph.outputs
        changed = make_graph(graph.stage, self.nodes, self.tensors, self.constants, *ports)
        widths = dataclasses.replace(self.widths, wide=frozenset(self.wide))
        return changed, dataclasses.replace(self.ranges, tensors=self.chosen), widths


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

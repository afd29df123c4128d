"""Comparisons and functions of truth values, which are float32 numbers 0 and 1 in graphs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.program import Step
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import Effect, Merging
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.onnxio.standard import FLOAT
from mcuq.ops.logic import TRUTH_FUNCTIONS, Compare, CompareStep, Logic, LogicStep, Threshold, ThresholdStep
from mcuq.ops.onnx.family import Family

# The relation, and whether operands change places.
_RELATIONS = {
    "Less": ("less", False),
    "LessOrEqual": ("less_or_equal", False),
    "Greater": ("less", True),
    "GreaterOrEqual": ("less_or_equal", True),
    "Equal": ("equal", False),
}
# `x > v` is not `x <= v`, and `x >= v` not `x < v`.
_OPPOSITE = {"less": "less_or_equal", "less_or_equal": "less", "equal": "equal"}
_OP_TYPES = {"less": "Less", "less_or_equal": "LessOrEqual", "equal": "Equal"}


def read_relation(ctx: ImportContext, node: OnnxNode) -> None:
    """A relation of a tensor to a number, a table, or of two tensors with broadcasting; truth values."""
    first, second = node.input(0), node.input(1)
    if first is None or second is None:
        raise Refused("M002", "an input is missing", "export the model again")
    relation, is_swapped = _RELATIONS[node.op_type]
    a, b = (second, first) if is_swapped else (first, second)
    for x, constant in ((a, b), (b, a)):
        value = _number(ctx, constant, x)
        if value is not None:
            # `v < x` is not `x <= v`.
            is_left = constant == a and relation != "equal"
            op = Threshold(_OPPOSITE[relation] if is_left else relation, value, is_left)
            emit_truth(ctx, op, (x,), node.output)
            return
    emit_truth(ctx, Compare(relation), (_operand(ctx, a), _operand(ctx, b)), node.output)


def _number(ctx: ImportContext, name: str, x: str) -> float | None:
    """The number that a constant is, where it leaves the shape of the other operand."""
    if not ctx.is_constant(name) or ctx.is_constant(x):
        return None
    array = ctx.values[name]
    if array.size != 1 or array.ndim > len(ctx.shape(x)) or array.dtype.kind not in "fiub":
        return None
    return float(array.reshape(-1)[0])


def _operand(ctx: ImportContext, name: str) -> str:
    """A tensor, or a constant of any numbers added to the graph."""
    if not ctx.is_constant(name):
        return name
    array = ctx.constant(name, "constant operand")
    if array.dtype.kind not in "fiub":
        raise unsupported(f"its constant has type {array.dtype}", "store it as float32")
    if not np.isfinite(array.astype(np.float64)).all():
        raise Refused("M005", "its constant is infinite", "export the model again", name)
    return ctx.store(array.astype(np.float32), name)


def emit_truth(
    ctx: ImportContext, op: Threshold | Compare | Logic, inputs: tuple[str, ...], output: str
) -> str:
    """Add an operator that gives truth values."""
    ctx.truths.add(output)
    return ctx.emit(op, inputs, output)


def read_not(ctx: ImportContext, node: OnnxNode) -> None:
    """Not of truth values: a table."""
    emit_truth(ctx, Threshold("less_or_equal", 0.5), (ctx.activation(node.input(0)),), node.output)


def read_logic(ctx: ImportContext, node: OnnxNode) -> None:
    """And, Or and Xor of truth values, with broadcasting."""
    names = [node.input(0), node.input(1)]
    if None in names:
        raise Refused("M002", "an input is missing", "export the model again")
    a, b = (_operand(ctx, name) for name in names if name is not None)
    emit_truth(ctx, Logic(node.op_type.lower()), (a, b), node.output)


def as_truth(writer: OnnxWriter, x: str) -> str:
    """The bool tensor of numbers 0 and 1."""
    return writer.node("Greater", [x, writer.constant(np.array(0.5, np.float32))])


def _as_number(writer: OnnxWriter, y: str, is_negated: bool) -> str:
    return writer.node("Cast", [writer.node("Not", [y]) if is_negated else y], to=FLOAT)


def write_threshold(writer: OnnxWriter, node: Node) -> None:
    """A relation to a number, as a number."""
    assert isinstance(node.op, Threshold)
    x, is_nchw = writer.as_stored(node.inputs[0])
    value = writer.constant(np.array(node.op.value, np.float32))
    y = writer.node(_OP_TYPES[node.op.relation], [x, value])
    writer.define(node.output, _as_number(writer, y, node.op.is_negated), is_nchw=is_nchw)


def write_compare(writer: OnnxWriter, node: Node) -> None:
    """A relation of two tensors, as a number."""
    assert isinstance(node.op, Compare)
    y = writer.node(_OP_TYPES[node.op.relation], [writer.device(name) for name in node.inputs])
    writer.define(node.output, _as_number(writer, y, node.op.is_negated))


def write_logic(writer: OnnxWriter, node: Node) -> None:
    """A function of two truth values, as a number."""
    assert isinstance(node.op, Logic)
    operands = [as_truth(writer, writer.device(name)) for name in node.inputs]
    y = writer.node(node.op.function.capitalize(), operands)
    writer.define(node.output, _as_number(writer, y, False))


def write_logic_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """A function of truth values, whose names are those of their bits."""
    assert isinstance(step.op, LogicStep)
    operands = [as_truth(writer, writer.device(str(index))) for index in step.inputs]
    (function,) = (name for name, bits in TRUTH_FUNCTIONS.items() if bits == step.op.truth)
    y = writer.main(function.capitalize(), operands)
    return Written(_as_number(writer, y, False))


_TRUTH = Effect(merging=Merging.NOTHING)

FAMILY = Family(
    readers=(
        Reader(read_relation, tuple(_RELATIONS), _TRUTH, reads_indices=True),
        Reader(read_logic, ("And", "Or", "Xor"), _TRUTH),
        Reader(read_not, ("Not",), _TRUTH),
    ),
    writers={Threshold: write_threshold, Compare: write_compare, Logic: write_logic},
    step_writers={LogicStep: write_logic_step},
    # Their limits on differences have no form in ONNX.
    unwritten=frozenset({ThresholdStep, CompareStep}),
)

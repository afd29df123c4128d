"""Add, Sub, Mul, Div and their like, of tensors and of constants, with broadcasting.

A constant that differs along one axis at most is a scale and shift (`Affine`), which passes fold into the
layers around it; any other constant is an operand like a tensor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mcuq.ir.expression import Apply, X
from mcuq.ir.graph import Node
from mcuq.ir.integer import Requant
from mcuq.ir.op import Clamp
from mcuq.ir.program import Step
from mcuq.ir.types import FLOAT32_MAX, Float64, Shape
from mcuq.onnxio.export.limits import clamped, limited_codes
from mcuq.onnxio.export.qdq_rounding import real, requantized, to_double, whole
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import SUM
from mcuq.onnxio.importers.forms import IntegerForm
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused
from mcuq.onnxio.standard import MICROSOFT
from mcuq.ops.arithmetic import LEFT_SHIFT, Add, AddStep, Mul, MulStep, broadcast_shape
from mcuq.ops.move import Reshape
from mcuq.ops.onnx.emit import emit_affine, emit_uniform
from mcuq.ops.onnx.family import Family
from mcuq.ops.table import Table
from mcuq.ops.unary import Clip


def read_mul(ctx: ImportContext, node: OnnxNode) -> None:
    """Mul of two tensors, or of a tensor and a constant, with broadcasting."""
    a, b = _operands(ctx, node)
    if not _emit_scale(ctx, a, b, node.output) and not _emit_scale(ctx, b, a, node.output):
        ctx.emit(Mul(), (ctx.operand(a), ctx.operand(b)), node.output)


def read_div(ctx: ImportContext, node: OnnxNode) -> None:
    """Div by a constant, or by a tensor as Mul by its reciprocal."""
    a, b = _operands(ctx, node)
    if ctx.is_constant(b):
        divisor = ctx.weights(b, "divisor").astype(np.float64)
        if (divisor == 0).any():
            raise Refused("M005", "it divides by zero", "train or export the model again")
        inverse = 1.0 / divisor
        if not emit_constant(ctx, a, inverse, np.zeros(()), node.output):
            ctx.emit(Mul(), (a, ctx.store(inverse, f"{node.output} [reciprocal]")), node.output)
        return
    name = ctx.temporary(node.output, "reciprocal")
    inverted = ctx.emit(Table(Apply("reciprocal", (X,))), (b,), name, is_helper=True)
    if not _emit_scale(ctx, inverted, a, node.output):
        ctx.emit(Mul(), (ctx.operand(a), inverted), node.output)


def read_add(ctx: ImportContext, node: OnnxNode) -> None:
    """Add of two tensors, or of a tensor and a constant, with broadcasting."""
    a, b = _operands(ctx, node)
    for x, c in ((a, b), (b, a)):
        if ctx.is_constant(c) and ctx.values[c].size > 1 and np.isneginf(ctx.values[c]).any():
            _add_mask(ctx, x, c, node.output)
            return
    _add(ctx, a, b, node.output)


def _add_mask(ctx: ImportContext, x: str, c: str, output: str) -> None:
    """A sum with a constant that is minus infinity in places, which a Softmax leaves out."""
    values = ctx.constant(c, "constant operand").astype(np.float32)
    if np.isposinf(values).any():
        raise Refused("M005", "its constant is infinite", "train or export the model again", c)
    ctx.emit(Add(), (x, ctx.store(np.maximum(values, np.float32(-FLOAT32_MAX)), c)), output)


def read_sub(ctx: ImportContext, node: OnnxNode) -> None:
    """Sub of two tensors, or of a tensor and a constant on either side, with broadcasting."""
    a, b = _operands(ctx, node)
    one = np.ones(())
    if ctx.is_constant(b) and emit_constant(ctx, a, one, -_values(ctx, b), node.output):
        return
    if ctx.is_constant(a) and emit_constant(ctx, b, -one, _values(ctx, a), node.output):
        return
    ctx.emit(Add(is_subtraction=True), (ctx.operand(a), ctx.operand(b)), node.output)


def read_sum(ctx: ImportContext, node: OnnxNode) -> None:
    """Sum of any number of tensors and constants, with broadcasting."""
    _sum(ctx, node, node.output)


def read_mean(ctx: ImportContext, node: OnnxNode) -> None:
    """Mean of several tensors: their sum, scaled."""
    total = _sum(ctx, node, ctx.temporary(node.output, "sum"))
    emit_uniform(ctx, total, 1.0 / len(node.inputs), 0.0, node.output)


def read_max(ctx: ImportContext, node: OnnxNode) -> None:
    """Max with a number, a Clip; of two tensors, `a + max(b - a, 0)`."""
    _extremum(ctx, node, Clamp(lo=0.0))


def read_min(ctx: ImportContext, node: OnnxNode) -> None:
    """Min with a number, a Clip; of two tensors, `a + min(b - a, 0)`."""
    _extremum(ctx, node, Clamp(hi=0.0))


def _operands(ctx: ImportContext, node: OnnxNode) -> tuple[str, str]:
    """Two names, of which one at least is a tensor: constants alone are folded before."""
    first, second = node.input(0), node.input(1)
    if first is None or second is None:
        raise Refused("M002", "an input is missing", "export the model again")
    return first, second


def _values(ctx: ImportContext, name: str) -> Float64:
    return ctx.weights(name, "constant operand").astype(np.float64)


def _add(ctx: ImportContext, a: str, b: str, output: str, *, is_helper: bool = False) -> str:
    one = np.ones(())
    for x, c in ((a, b), (b, a)):
        if ctx.is_constant(c) and emit_constant(ctx, x, one, _values(ctx, c), output, is_helper=is_helper):
            return output
    return ctx.emit(Add(), (ctx.operand(a), ctx.operand(b)), output, is_helper=is_helper)


def _emit_scale(ctx: ImportContext, x: str, c: str, output: str) -> bool:
    """Add `x c` as Affine if c is a constant that allows it."""
    return ctx.is_constant(c) and emit_constant(ctx, x, _values(ctx, c), np.zeros(()), output)


def emit_constant(
    ctx: ImportContext, x: str, scale: Float64, shift: Float64, output: str, *, is_helper: bool = False
) -> bool:
    """Add `x scale + shift` as Affine where the constants differ along one axis at most."""
    shape = ctx.shape(x)
    if broadcast_shape(shape, scale.shape) != shape or broadcast_shape(shape, shift.shape) != shape:
        return False
    scale, shift = _shrunk(scale), _shrunk(shift)
    constant = scale if scale.size > 1 else shift
    if constant.size == 1:
        factor, summand = float(scale.reshape(-1)[0]), float(shift.reshape(-1)[0])
        emit_uniform(ctx, x, factor, summand, output, is_helper=is_helper)
        return True
    aligned = (1,) * (len(shape) - constant.ndim) + constant.shape
    axes = [axis for axis, size in enumerate(aligned) if size != 1]
    if len(axes) != 1:
        return False
    a, b = (np.broadcast_to(array.reshape(-1), (shape[axes[0]],)) for array in (scale, shift))
    emit_affine(ctx, x, axes[0], a, b, output, is_helper=is_helper)
    return True


def _shrunk(constant: Float64) -> Float64:
    """A constant without the repetitions along its axes."""
    for axis in range(constant.ndim):
        first = constant.take([0], axis)
        if constant.shape[axis] > 1 and (constant == first).all():
            constant = first
    return constant


def _sum(ctx: ImportContext, node: OnnxNode, output: str) -> str:
    """The sum of all inputs, tensors first, so that constants meet a tensor."""
    names = [name for name in node.inputs if not ctx.is_constant(name)]
    names += [name for name in node.inputs if ctx.is_constant(name)]
    if not all(names):
        raise Refused("M002", "an input is missing", "export the model again")
    if len(names) == 1:
        return ctx.emit(Reshape(ctx.shape(names[0])), (names[0],), output)
    total = names[0]
    for position, name in enumerate(names[1:], start=2):
        is_last = position == len(names)
        partial = output if is_last else ctx.temporary(node.output, f"sum of {position}")
        total = _add(ctx, total, name, partial, is_helper=not is_last)
    return total


def _extremum(ctx: ImportContext, node: OnnxNode, beyond: Clamp) -> None:
    """The largest (`beyond` is [0, inf]) or smallest ([-inf, 0]) of the inputs, one after the other."""
    names = [name for name in node.inputs if not ctx.is_constant(name)]
    names += [name for name in node.inputs if ctx.is_constant(name)]
    if not all(names):
        raise Refused("M002", "an input is missing", "export the model again")
    if len(names) == 1:
        ctx.emit(Reshape(ctx.shape(names[0])), (names[0],), node.output)
        return
    a = names[0]
    for position, b in enumerate(names[1:], start=2):
        is_last = position == len(names)
        output = node.output if is_last else ctx.temporary(node.output, f"best of {position}")
        limit = _limit(ctx, b, ctx.shape(a), beyond)
        if limit is not None:
            a = ctx.emit(Clip(limit), (a,), output, is_helper=not is_last)
            continue
        # max(a, b) = a + max(b - a, 0)
        b = ctx.operand(b)
        excess = ctx.emit(Add(beyond, True), (b, a), ctx.temporary(node.output, "excess"), is_helper=True)
        a = ctx.emit(Add(), (a, excess), output, is_helper=not is_last)


def _limit(ctx: ImportContext, name: str, shape: Shape, beyond: Clamp) -> Clamp | None:
    """The clamp of a constant that is one number, None for other operands."""
    if not ctx.is_constant(name) or ctx.values[name].ndim > len(shape):
        return None
    values = ctx.values[name].reshape(-1)
    if values.size == 0 or values.dtype.kind != "f" or not np.all(values == values[0]):
        return None
    if broadcast_shape(shape, ctx.values[name].shape) != shape:
        return None
    limit = float(values[0])
    if beyond.lo == 0.0:
        return Clamp(lo=limit) if limit < math.inf else None
    return Clamp(hi=limit) if limit > -math.inf else None


def write_add(writer: OnnxWriter, node: Node) -> None:
    """Add or Sub."""
    assert isinstance(node.op, Add)
    _write_join(writer, node, _add_type(node.op.is_subtraction), node.op.clamp)


def write_mul(writer: OnnxWriter, node: Node) -> None:
    """Mul."""
    assert isinstance(node.op, Mul)
    _write_join(writer, node, "Mul", node.op.clamp)


def _add_type(is_subtraction: bool) -> str:
    return "Sub" if is_subtraction else "Add"


def _write_join(writer: OnnxWriter, node: Node, op_type: str, clamp: Clamp) -> None:
    """NCHW where an operand exists so, and the others do or are constants, which exist in any layout."""
    is_nchw = any(map(writer.has_nchw, node.inputs)) and all(
        writer.has_nchw(name) or (name in writer.graph.constants and len(writer.shape(name)) == 4)
        for name in node.inputs
    )
    operands = [writer.name(name, is_nchw=is_nchw) for name in node.inputs]
    writer.define(node.output, clamped(writer, writer.node(op_type, operands), clamp), is_nchw=is_nchw)


def write_add_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """Add or Sub; without `is_plain` of whole numbers, which are requantized before and behind."""
    op = step.op
    assert isinstance(op, AddStep)
    operands, is_nchw = _step_operands(writer, step)
    op_type = _add_type(op.is_subtraction)
    if writer.is_plain:
        y = writer.main(op_type, operands)
    else:
        codes = _whole_operands(writer, step, operands)
        left = writer.exact(np.array(2.0 ** LEFT_SHIFT[op.dtype]))
        shifted = [writer.node("Mul", [x, left]) for x in codes]
        scales = (op.a_requant, op.b_requant)
        codes = [requantized(writer, x, each) for x, each in zip(shifted, scales, strict=True)]
        y = _joined(writer, step, op_type, codes, op.y_requant)
    return Written(limited_codes(writer, step, y, op.lo, op.hi), is_nchw)


def write_mul_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """Mul; without `is_plain` of whole numbers, which are requantized behind."""
    op = step.op
    assert isinstance(op, MulStep)
    operands, is_nchw = _step_operands(writer, step)
    if writer.is_plain:
        y = writer.main("Mul", operands)
    else:
        y = _joined(writer, step, "Mul", _whole_operands(writer, step, operands), op.requant)
    return Written(limited_codes(writer, step, y, op.lo, op.hi), is_nchw)


def _step_operands(writer: QdqWriter, step: Step) -> tuple[list[str], bool]:
    """The operands in one layout, NCHW where all have four axes and one exists so."""
    names = [str(index) for index in step.inputs]
    is_nchw = all(len(writer.shape(name)) == 4 for name in names) and any(map(writer.has_nchw, names))
    return [writer.name(name, is_nchw=is_nchw) for name in names], is_nchw


def _whole_operands(writer: QdqWriter, step: Step, operands: Sequence[str]) -> list[str]:
    """Codes less their zero points, in double precision."""
    return [
        to_double(writer, whole(writer, x, writer.quant(str(index)).step))
        for x, index in zip(operands, step.inputs, strict=True)
    ]


def _joined(writer: QdqWriter, step: Step, op_type: str, codes: Sequence[str], requant: Requant) -> str:
    """A sum or product of whole numbers, requantized, as real values."""
    y = requantized(writer, writer.main(op_type, codes), requant)
    return real(writer, y, writer.quant(str(step.output)).step)


FAMILY = Family(
    readers=(
        Reader(read_add, ("Add",), SUM),
        Reader(read_div, ("Div",)),
        Reader(read_max, ("Max",)),
        Reader(read_mean, ("Mean",)),
        Reader(read_min, ("Min",)),
        Reader(read_mul, ("Mul",), SUM),
        Reader(read_sub, ("Sub",), SUM),
        Reader(read_sum, ("Sum",)),
    ),
    integer_forms=(
        IntegerForm(f"{MICROSOFT}.QLinearAdd", "Add", (0, 3), 6),
        IntegerForm(f"{MICROSOFT}.QLinearMul", "Mul", (0, 3), 6),
    ),
    writers={Add: write_add, Mul: write_mul},
    step_writers={AddStep: write_add_step, MulStep: write_mul_step},
)

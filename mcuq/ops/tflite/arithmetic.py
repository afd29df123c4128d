"""ADD, SUB, MUL and their like, with broadcasting."""

from __future__ import annotations

import numpy as np

from mcuq.ir.expression import Apply, Expression, Number, X
from mcuq.ir.integer import Rounding
from mcuq.ir.op import LoweringRefusal, Op, Operand
from mcuq.ir.types import elem_count, freeze
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.ops.arithmetic import Add, Mul
from mcuq.ops.table import Requantize, Table
from mcuq.ops.tflite.emit import activation_of, emit_activation, emit_as_onnx, emit_exact
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.reader import Codes, TfliteReader
from mcuq.tflite.tensor import CONVERT_AGAIN

_OPTIONS = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions", "DIV": "DivOptions"}
_ONNX = {"ADD": "Add", "SUB": "Sub", "MUL": "Mul", "DIV": "Div"}


def read_arithmetic(ctx: TfliteContext, node: TfliteNode) -> None:
    """Sum, difference or product of two tensors or of a tensor and a constant, with a fused activation."""
    activation = activation_of(node, _OPTIONS[node.kind])
    if not ctx.has_codes:
        _read_real(ctx, node, activation)
        return
    clamp = ctx.clamp(activation, node.output)
    op: Op = Mul(clamp) if node.kind == "MUL" else Add(clamp, node.kind == "SUB")
    for index in (0, 1):
        if node.input(index).is_constant and _is_one_number(node, index):
            _read_one_number(ctx, node, op, index)
            return
    a, b = _operand(ctx, node, 0), _operand(ctx, node, 1)
    if a == b:
        # Both inputs being one tensor, passes would take the operator for a function of it.
        b = ctx.emit(Requantize(), (a,), ctx.temporary(node.output.name, "again"), is_helper=True)
        ctx.quants[b] = ctx.quants[a]
    emit_exact(ctx, op, (a, b), node)


def read_quotient(ctx: TfliteContext, node: TfliteNode) -> None:
    """Quotient of two tensors or of a tensor and a constant."""
    _read_real(ctx, node, activation_of(node, _OPTIONS[node.kind]))


def read_squared_difference(ctx: TfliteContext, node: TfliteNode) -> None:
    """`(a - b) (a - b)` of two tensors or of a tensor and a constant."""
    names = tuple(ctx.read_as.get(each.name, each.name) for each in (node.input(0), node.input(1)))
    difference = ctx.temporary(node.output.name, "difference")
    emit_as_onnx(ctx, "Sub", names, difference)
    emit_as_onnx(ctx, "Mul", (difference, difference), node.output.name)


def _read_real(ctx: TfliteContext, node: TfliteNode, activation: str) -> None:
    names = tuple(ctx.read_as.get(each.name, each.name) for each in (node.input(0), node.input(1)))
    output = node.output.name
    if activation == "NONE":
        emit_as_onnx(ctx, _ONNX[node.kind], names, output)
        return
    whole = ctx.temporary(output, "unlimited")
    emit_as_onnx(ctx, _ONNX[node.kind], names, whole)
    emit_activation(ctx, whole, activation, node)


def _operand(ctx: TfliteContext, node: TfliteNode, index: int) -> str:
    """An operand; a constant of one element is spread along the last axis, lest it becomes a table."""
    tensor = node.input(index)
    if not tensor.is_constant:
        return ctx.x(tensor)
    quant, values = tensor.quant(), ctx.weights(tensor.name, "constant operand")
    if values.size == 1:
        values = freeze(np.repeat(values.reshape(-1), node.input(1 - index).shape[-1]))
        name = ctx.store(values, f"{tensor.name} [spread]")
    else:
        name = ctx.operand(tensor.name)
    ctx.encodings[name] = ctx.encodings[tensor.name]
    ctx.quants[name] = quant
    return name


def _is_one_number(node: TfliteNode, index: int) -> bool:
    """Whether an operand is one number and the other one has no channels that it could be spread along."""
    other = node.input(1 - index).shape
    return elem_count(node.input(index).shape) == 1 and (not other or other[-1] == 1)


def _read_one_number(ctx: TfliteContext, node: TfliteNode, op: Op, index: int) -> None:
    """What the operator gives for every code: a table."""
    constant, x = node.input(index), node.input(1 - index)
    if node.output.shape != x.shape:
        raise Refused("M006", f"{x.shape} becomes {node.output.shape}", CONVERT_AGAIN)
    stored, real = ctx.encodings[constant.name].codes, ctx.weights(constant.name, "constant operand")
    assert stored is not None
    # Rounded as the file's kernels do, whatever contract the build has.
    both = [np.arange(-128, 128, dtype=np.int8)[None], stored.reshape(1, 1).astype(np.int8)]
    operands = [Operand((256,), x.quant()), Operand((1,), constant.quant())]
    arguments: list[Expression] = [X, Number(float(real.reshape(-1)[0]))]
    if index == 0:
        both, operands, arguments = both[::-1], operands[::-1], arguments[::-1]
    try:
        step = op.lower(operands, Operand((256,), node.output.quant()), Rounding.DOUBLE)
    except LoweringRefusal as refusal:
        raise unsupported(refusal.why, CONVERT_AGAIN) from None
    codes = tuple(int(code) for code in step.run(*both).reshape(-1))
    function = Apply({"ADD": "add", "SUB": "sub", "MUL": "mul"}[node.kind], tuple(arguments))
    emit_exact(ctx, Table(function, codes=codes), (ctx.x(x),), node)


# Of both, codes are divided or multiplied in steps of their own.
_OWN = "its integer arithmetic in TensorFlow Lite Micro is its own, and rare in networks"

FAMILY = (
    TfliteReader(read_arithmetic, ("ADD", "MUL", "SUB"), Codes.EXACT),
    TfliteReader(read_quotient, ("DIV",), why=_OWN),
    TfliteReader(read_squared_difference, ("SQUARED_DIFFERENCE",), why=_OWN),
)

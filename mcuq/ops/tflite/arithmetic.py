"""ADD, SUB, MUL and their like, with broadcasting."""

from __future__ import annotations

import numpy as np

from mcuq.ir.op import Op
from mcuq.ir.types import Array, freeze
from mcuq.onnxio.refusal import quoted, unsupported
from mcuq.ops.arithmetic import Add, Mul
from mcuq.ops.table import Requantize
from mcuq.ops.tflite.emit import activation_of, emit_activation, emit_as_onnx, emit_exact
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.reader import Codes, TfliteReader
from mcuq.tflite.tensor import TfliteTensor

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
        values = _spread(values.reshape(-1), node.input(1 - index), tensor)
        name = ctx.store(values, f"{tensor.name} [spread]")
    else:
        name = ctx.operand(tensor.name)
    ctx.encodings[name] = ctx.encodings[tensor.name]
    ctx.quants[name] = quant
    return name


def _spread(value: Array, other: TfliteTensor, tensor: TfliteTensor) -> Array:
    if not other.shape or other.shape[-1] == 1:
        raise unsupported(
            f"its constant {quoted(tensor.name)} is one number, the other operand has shape {other.shape}",
            "convert a float model; mcuq quantizes it itself",
        )
    return freeze(np.repeat(value, other.shape[-1]))


# Of both, codes are divided or multiplied in steps of their own.
_OWN = "its integer arithmetic in TensorFlow Lite Micro is its own, and rare in networks"

FAMILY = (
    TfliteReader(read_arithmetic, ("ADD", "MUL", "SUB"), Codes.EXACT),
    TfliteReader(read_quotient, ("DIV",), why=_OWN),
    TfliteReader(read_squared_difference, ("SQUARED_DIFFERENCE",), why=_OWN),
)

"""The larger and the smaller of two values, and the place of the largest or smallest."""

from __future__ import annotations

import math

from mcuq.ir.expression import Apply, Number, X
from mcuq.ir.types import QuantParams, Shape
from mcuq.onnxio.refusal import Refused
from mcuq.ops.arithmetic import broadcast_shape
from mcuq.ops.move import Concat
from mcuq.ops.onnx.emit import reshape
from mcuq.ops.pool import MaxPool
from mcuq.ops.table import Table
from mcuq.ops.tflite.constants import constant_integers, note_integers, store_operand
from mcuq.ops.tflite.emit import emit_as_onnx, emit_exact, keep_codes
from mcuq.ops.window import Window
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.reader import Codes, TfliteReader
from mcuq.tflite.tensor import CONVERT_AGAIN, TfliteTensor

_ONNX = {"MAXIMUM": "Max", "MINIMUM": "Min"}


def complement(ctx: TfliteContext, x: str, quant: QuantParams, output: str) -> str:
    """Add the negative of every value, exactly: code q becomes -1 - q, and so does the zero point.

    Args:
        ctx: the graph under construction.
        x: a tensor of codes.
        quant: its parameters.
        output: the name of the result.
    """
    codes = tuple(-1 - code for code in range(-128, 128))
    ctx.emit(Table(Apply("neg", (X,)), codes=codes), (x,), output, is_helper=True)
    ctx.quants[output] = QuantParams(quant.scale, -1 - quant.zero_point, quant.dtype)
    return output


def read_extreme(ctx: TfliteContext, node: TfliteNode) -> None:
    """Maximum or minimum of two tensors or of a tensor and a constant; on integers of codes of one scale."""
    a, b = node.input(0), node.input(1)
    if not ctx.has_codes:
        names = tuple(ctx.read_as.get(each.name, each.name) for each in (a, b))
        emit_as_onnx(ctx, _ONNX[node.kind], names, node.output.name)
        return
    for one, other in ((a, b), (b, a)):
        if one.is_constant and math.prod(one.shape) == 1 and other.shape == node.output.shape:
            _limit(ctx, node, other, one)
            return
    shape, y = broadcast_shape(a.shape, b.shape), node.output
    ctx.limits.check_moved(shape)
    is_least = node.kind == "MINIMUM"
    rows = (1, 1, math.prod(shape[:-1]), shape[-1] if shape else 1)
    sides = []
    for index, tensor in enumerate((a, b)):
        if tensor.is_constant:
            name = store_operand(ctx, tensor, shape, rows=rows)
        else:
            name = _spread(ctx, tensor, shape, ctx.temporary(y.name, f"side {index}"))
            name = reshape(ctx, name, rows, ctx.temporary(y.name, f"rows {index}"))
        if is_least:
            name = complement(ctx, name, y.quant(), ctx.temporary(y.name, f"complement {index}"))
        sides.append(name)
    both = ctx.emit(Concat(1), tuple(sides), ctx.temporary(y.name, "both"), is_helper=True)
    ctx.quants[both] = ctx.quants[sides[0]] if is_least else y.quant()
    name = ctx.emit(MaxPool(Window((2, 1))), (both,), ctx.temporary(y.name, "larger"))
    if not is_least:
        reshape(ctx, name, shape, y.name)
        return
    shaped = reshape(ctx, name, shape, ctx.temporary(y.name, "of complements"))
    complement(ctx, shaped, ctx.quants[both], y.name)
    keep_codes(ctx, node)


def _limit(ctx: TfliteContext, node: TfliteNode, x: TfliteTensor, limit: TfliteTensor) -> None:
    """A constant number on one side: a table."""
    codes = ctx.encodings[limit.name].codes
    assert codes is not None
    code, value = int(codes.reshape(-1)[0]), float(ctx.weights(limit.name, "operand").reshape(-1)[0])
    choose, name = (max, "max") if node.kind == "MAXIMUM" else (min, "min")
    table = tuple(choose(each, code) for each in range(-128, 128))
    emit_exact(ctx, Table(Apply(name, (X, Number(value))), codes=table), (ctx.x(x),), node)


def _spread(ctx: TfliteContext, tensor: TfliteTensor, shape: Shape, output: str) -> str:
    if tensor.shape == shape:
        return ctx.x(tensor)
    emit_as_onnx(ctx, "Expand", (ctx.x(tensor), note_integers(ctx, output, "shape", shape)), output)
    return output


def read_index(ctx: TfliteContext, node: TfliteNode) -> None:
    """The index of the largest or smallest value along a constant axis, the first of equal ones."""
    x, y, rank = node.input(0), node.output, len(node.input(0).shape)
    axes = constant_integers(ctx, node.input(1), "axis")
    if len(axes) != 1 or not -rank <= axes[0] < rank:
        raise Refused("M002", f"its axis is {axes} of {rank}", CONVERT_AGAIN)
    kind, name = "ArgMax", ctx.x(x)
    if node.kind == "ARG_MIN":
        if ctx.has_codes:
            name = complement(ctx, name, x.quant(), ctx.temporary(y.name, "complement"))
        else:
            kind = "ArgMin"
    emit_as_onnx(ctx, kind, (name,), y.name, axis=axes[0] % rank, keepdims=0)


FAMILY = (
    TfliteReader(read_extreme, ("MAXIMUM", "MINIMUM"), Codes.MOVED),
    TfliteReader(read_index, ("ARG_MAX", "ARG_MIN"), Codes.EXACT),
)

"""Means, sums and extremes over axes."""

from __future__ import annotations

import math

import numpy as np

from mcuq.ir.encodings import ConstantEncoding
from mcuq.ir.op import Op
from mcuq.ir.types import Shape, freeze
from mcuq.onnxio.refusal import Refused
from mcuq.ops.conv import Conv2d
from mcuq.ops.onnx.emit import emit_uniform, reshape
from mcuq.ops.onnx.reduce import as_rows
from mcuq.ops.pool import Division, MaxPool, Mean
from mcuq.ops.table import Requantize
from mcuq.ops.tflite.constants import constant_axes, note_integers
from mcuq.ops.tflite.emit import emit_as_onnx, keep_codes
from mcuq.ops.tflite.extreme import complement
from mcuq.ops.window import Window
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.reader import Codes, TfliteReader

# Weights of a sum, one for every value of a channel.
_MOST_ONES = 1 << 22


def read_mean(ctx: TfliteContext, node: TfliteNode) -> None:
    """Mean over constant axes; on integers its multiplier is divided by the count and cut off."""
    if not ctx.has_codes:
        _read_real(ctx, node, "ReduceMean")
    elif not _copies(ctx, node):
        rows, count = _rows(ctx, node, ctx.x(node.input(0)))
        _finish(ctx, node, Mean(Window((1, count)), division=Division.CUT), (rows,))


def read_sum(ctx: TfliteContext, node: TfliteNode) -> None:
    """Sum over constant axes; on integers a depthwise convolution with weights of 1."""
    if not ctx.has_codes:
        _read_real(ctx, node, "ReduceSum")
    elif not _copies(ctx, node):
        rows, count = _rows(ctx, node, ctx.x(node.input(0)))
        channels = ctx.shape(rows)[3]
        if channels * count > _MOST_ONES:
            raise Refused("M011", f"it sums {count} values in each of {channels} channels", "shrink it")
        constants = _ones(ctx, node, (channels, 1, count, 1))
        _finish(ctx, node, Conv2d(Window((1, count)), channels), (rows, *constants))


def read_reduced_extreme(ctx: TfliteContext, node: TfliteNode) -> None:
    """Maximum or minimum over constant axes."""
    is_least, y = node.kind == "REDUCE_MIN", node.output.name
    name = ctx.x(node.input(0))
    if not ctx.has_codes:
        if not is_least:
            _read_real(ctx, node, "ReduceMax")
            return
        name = emit_uniform(ctx, name, -1.0, 0.0, ctx.temporary(y, "negated"), is_helper=True)
        emit_uniform(ctx, _real(ctx, node, "ReduceMax", name, ctx.temporary(y, "largest")), -1.0, 0.0, y)
        return
    quant = node.output.quant()
    if is_least:
        name = complement(ctx, name, quant, ctx.temporary(y, "complement"))
    rows, count = _rows(ctx, node, name)
    flat = ctx.emit(MaxPool(Window((1, count))), (rows,), ctx.temporary(y, "4d"))
    if not is_least:
        reshape(ctx, flat, _left(ctx, node), y)
        return
    shaped = reshape(ctx, flat, _left(ctx, node), ctx.temporary(y, "of complements"))
    complement(ctx, shaped, ctx.quants[name], y)
    keep_codes(ctx, node)


def _read_real(ctx: TfliteContext, node: TfliteNode, kind: str) -> None:
    _real(ctx, node, kind, ctx.x(node.input(0)), node.output.name)


def _real(ctx: TfliteContext, node: TfliteNode, kind: str, x: str, output: str) -> str:
    axes = note_integers(ctx, output, "axes", constant_axes(ctx, node, 1))
    emit_as_onnx(ctx, kind, (x, axes), output, keepdims=node.integer("ReducerOptions", "KeepDims"))
    return output


def _rows(ctx: TfliteContext, node: TfliteNode, x: str) -> tuple[str, int]:
    """The input as one image whose columns are what is reduced, and how many these are."""
    return as_rows(ctx, x, constant_axes(ctx, node, 1), node.output.name)


def _left(ctx: TfliteContext, node: TfliteNode) -> Shape:
    """The shape of the result."""
    axes, is_kept = constant_axes(ctx, node, 1), node.integer("ReducerOptions", "KeepDims")
    sizes = enumerate(node.input(0).shape)
    return tuple(1 if axis in axes else size for axis, size in sizes if is_kept or axis not in axes)


def _copies(ctx: TfliteContext, node: TfliteNode) -> bool:
    """Whether every result is of one value; then it is added, perhaps with other parameters."""
    x, y = node.input(0), node.output
    if math.prod(x.shape[axis] for axis in constant_axes(ctx, node, 1)) > 1:
        return False
    name = reshape(ctx, ctx.x(x), _left(ctx, node), ctx.temporary(y.name, "shaped"))
    ctx.emit(Requantize(), (name,), y.name, is_helper=True)
    return True


def _ones(ctx: TfliteContext, node: TfliteNode, shape: Shape) -> tuple[str, str]:
    """Weights whose codes and values are 1, and no bias."""
    codes = freeze(np.ones(shape), "int8")
    w = ctx.store(freeze(np.ones(shape), "float32"), f"{node.output.name} [ones]")
    ctx.encodings[w] = ConstantEncoding((1.0,), (0,), None, codes)
    ctx.weight_axes[w] = 0
    return w, ctx.store(np.zeros(shape[0], np.float32), f"{node.output.name} [bias]")


def _finish(ctx: TfliteContext, node: TfliteNode, op: Op, inputs: tuple[str, ...]) -> None:
    y = node.output
    flat = ctx.emit(op, inputs, ctx.temporary(y.name, "4d"))
    ctx.quants[flat] = y.quant()
    reshape(ctx, flat, _left(ctx, node), y.name)


FAMILY = (
    TfliteReader(read_mean, ("MEAN",), Codes.EXACT),
    TfliteReader(read_reduced_extreme, ("REDUCE_MAX", "REDUCE_MIN"), Codes.MOVED),
    TfliteReader(read_sum, ("SUM",), Codes.EXACT),
)

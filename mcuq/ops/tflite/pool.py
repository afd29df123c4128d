"""Pools and reductions."""

from __future__ import annotations

import math

import numpy as np

from mcuq.ir.op import Op
from mcuq.ir.types import freeze
from mcuq.onnxio.refusal import unsupported
from mcuq.ops.pool import AveragePool, MaxPool
from mcuq.ops.table import Requantize
from mcuq.ops.tflite.emit import activation_of, emit_activation, emit_as_onnx
from mcuq.ops.tflite.window import read_tflite_window
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.reader import Codes, TfliteReader

_OPTIONS = "Pool2DOptions"
_REDUCTIONS = {
    "MEAN": "ReduceMean",
    "REDUCE_MAX": "ReduceMax",
    "SUM": "ReduceSum",
}


def read_pool_2d(ctx: TfliteContext, node: TfliteNode) -> None:
    """Average or maximum of a window, padding left out, with a fused activation."""
    x = node.input(0)
    kernel = node.integer(_OPTIONS, "FilterHeight"), node.integer(_OPTIONS, "FilterWidth")
    window = read_tflite_window(node, _OPTIONS, x.shape, kernel, has_dilations=False)
    op: Op = MaxPool(window)
    if node.kind == "AVERAGE_POOL_2D":
        op = AveragePool(window, keeps_params=ctx.has_codes)
    activation, name = activation_of(node, _OPTIONS), ctx.x(x)
    if activation == "NONE":
        ctx.emit(op, (name,), node.output.name)
    else:
        whole = ctx.emit(op, (name,), ctx.temporary(node.output.name, "unlimited"))
        emit_activation(ctx, whole, activation, node)


def read_reduction(ctx: TfliteContext, node: TfliteNode) -> None:
    """Mean, sum or maximum over constant axes; on integers the mean of an image of 2^n pixels."""
    x, axes = node.input(0), ctx.constant(node.input(1).name, "axes")
    rank = len(x.shape)
    found = sorted({int(axis) % rank if -rank <= axis < rank else rank for axis in axes.reshape(-1)})
    if rank in found:
        raise unsupported(f"its axes are {axes.reshape(-1).tolist()} of {rank}", "name axes that exist")
    count = math.prod(x.shape[axis] for axis in found)
    if ctx.has_codes and (rank != 4 or found != [1, 2] or count & (count - 1)):
        # Over an image it divides its multiplier by the count and cuts off what is left.
        raise unsupported(
            f"TensorFlow Lite rounds a mean of {count} values over axes {found} of {x.shape} otherwise",
            "use AVERAGE_POOL_2D, or convert a float model; mcuq quantizes it itself",
        )
    name = ctx.temporary(node.output.name, "axes")
    ctx.values[name] = freeze(np.array(found, np.int64))
    keep = node.integer("ReducerOptions", "KeepDims")
    source = ctx.x(x)
    if ctx.has_codes and count == 1:
        # Of one value each: other parameters, perhaps.
        source = ctx.emit(
            Requantize(), (source,), ctx.temporary(node.output.name, "all axes"), is_helper=True
        )
        ctx.quants[source] = node.output.quant()
    emit_as_onnx(ctx, _REDUCTIONS[node.kind], (source, name), node.output.name, keepdims=keep)


FAMILY = (
    TfliteReader(read_pool_2d, ("AVERAGE_POOL_2D", "MAX_POOL_2D"), Codes.MOVED),
    TfliteReader(read_reduction, ("MEAN",), Codes.EXACT),
    TfliteReader(read_reduction, ("REDUCE_MAX", "SUM")),
)

"""Pools."""

from __future__ import annotations

from mcuq.ir.op import Op
from mcuq.ops.pool import AveragePool, MaxPool
from mcuq.ops.tflite.emit import activation_of, emit_activation
from mcuq.ops.tflite.window import read_tflite_window
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.reader import Codes, TfliteReader

_OPTIONS = "Pool2DOptions"


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


FAMILY = (TfliteReader(read_pool_2d, ("AVERAGE_POOL_2D", "MAX_POOL_2D"), Codes.MOVED),)

"""FULLY_CONNECTED."""

from __future__ import annotations

from mcuq.ir.types import Shape, elem_count
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.ops.linear import Linear
from mcuq.ops.onnx.emit import reshape
from mcuq.ops.tflite.emit import activation_of
from mcuq.ops.tflite.weighted import store_bias, store_weights
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.reader import Codes, TfliteReader
from mcuq.tflite.tensor import CONVERT_AGAIN

_OPTIONS = "FullyConnectedOptions"


def read_fully_connected(ctx: TfliteContext, node: TfliteNode) -> None:
    """Fully connected layer with constant weights; the input is a matrix of rows as long as these."""
    x, weights = node.input(0), node.input(1)
    if node.integer(_OPTIONS, "WeightsFormat") != 0:
        raise unsupported("its weights are shuffled", "convert with the default format of weights")
    if len(weights.shape) != 2 or elem_count(x.shape) % weights.shape[1]:
        raise Refused("M006", f"weights {weights.shape} for input {x.shape}", CONVERT_AGAIN)
    units, depth = weights.shape
    rows = (elem_count(x.shape) // depth, depth)
    op = Linear(ctx.clamp(activation_of(node, _OPTIONS), node.output))
    w = store_weights(ctx, weights, (0, 1), (units, depth))
    b = store_bias(ctx, node, w)
    name, y = ctx.x(x), node.output
    if x.shape != rows:
        name = reshape(ctx, name, rows, ctx.temporary(y.name, "rows"))
    result: Shape = (rows[0], units)
    if node.integer(_OPTIONS, "KeepNumDims"):
        result = (*x.shape[:-1], units)
    if result == (rows[0], units):
        ctx.emit(op, (name, w, b), y.name)
        return
    flat = ctx.emit(op, (name, w, b), ctx.temporary(y.name, "flat"))
    if ctx.has_codes:
        ctx.quants[flat] = y.quant()
    reshape(ctx, flat, result, y.name)


FAMILY = (TfliteReader(read_fully_connected, ("FULLY_CONNECTED",), Codes.EXACT),)

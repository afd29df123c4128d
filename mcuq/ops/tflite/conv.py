"""CONV_2D and DEPTHWISE_CONV_2D."""

from __future__ import annotations

from mcuq.onnxio.refusal import Refused
from mcuq.ops.conv import Conv2d
from mcuq.ops.tflite.emit import activation_of
from mcuq.ops.tflite.weighted import store_bias, store_weights
from mcuq.ops.tflite.window import read_tflite_window
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.reader import Codes, TfliteReader
from mcuq.tflite.tensor import CONVERT_AGAIN


def read_conv_2d(ctx: TfliteContext, node: TfliteNode) -> None:
    """Convolution, also in groups, with a fused activation."""
    options = "Conv2DOptions"
    x, weights = node.input(0), node.input(1)
    m, kh, kw, depth = _four(weights.shape)
    window = read_tflite_window(node, options, x.shape, (kh, kw), has_dilations=True)
    if depth == 0 or x.shape[3] % depth:
        raise Refused("M006", f"{depth} channels of weights for {x.shape[3]} of the input", CONVERT_AGAIN)
    op = Conv2d(window, x.shape[3] // depth, ctx.clamp(activation_of(node, options), node.output))
    w = store_weights(ctx, weights, (0, 1, 2, 3), (m, kh, kw, depth))
    ctx.emit(op, (ctx.x(x), w, store_bias(ctx, node, w)), node.output.name)


def read_depthwise_conv_2d(ctx: TfliteContext, node: TfliteNode) -> None:
    """Depthwise convolution with any multiplier of its channels and a fused activation."""
    options = "DepthwiseConv2DOptions"
    x, weights = node.input(0), node.input(1)
    one, kh, kw, channels = _four(weights.shape)
    window = read_tflite_window(node, options, x.shape, (kh, kw), has_dilations=True)
    if one != 1 or channels % x.shape[3]:
        raise Refused("M006", f"weights {weights.shape} for input {x.shape}", CONVERT_AGAIN)
    op = Conv2d(window, x.shape[3], ctx.clamp(activation_of(node, options), node.output))
    w = store_weights(ctx, weights, (3, 1, 2, 0), (channels, kh, kw, 1))
    ctx.emit(op, (ctx.x(x), w, store_bias(ctx, node, w)), node.output.name)


def _four(shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    if len(shape) != 4:
        raise Refused("M006", f"its weights have shape {shape}", CONVERT_AGAIN)
    return shape[0], shape[1], shape[2], shape[3]


FAMILY = (
    TfliteReader(read_conv_2d, ("CONV_2D",), Codes.EXACT),
    TfliteReader(read_depthwise_conv_2d, ("DEPTHWISE_CONV_2D",), Codes.EXACT),
)

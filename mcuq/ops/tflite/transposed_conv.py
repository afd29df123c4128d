"""TRANSPOSE_CONV."""

from __future__ import annotations

from mcuq.onnxio.refusal import Refused
from mcuq.ops.tflite.constants import constant_integers
from mcuq.ops.tflite.emit import activation_of
from mcuq.ops.tflite.weighted import store_bias, store_weights
from mcuq.ops.transposed_conv import Stamp, TransposedConv2d
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.reader import Codes, TfliteReader
from mcuq.tflite.schema import enum_names
from mcuq.tflite.tensor import CONVERT_AGAIN

_OPTIONS = "TransposeConvOptions"


def read_transposed_conv(ctx: TfliteContext, node: TfliteNode) -> None:
    """Transposed convolution to a constant shape, with a fused activation."""
    size, weights, x = constant_integers(ctx, node.input(0), "shape"), node.input(1), node.input(2)
    if not len(size) == len(weights.shape) == len(x.shape) == 4 or weights.shape[3] != x.shape[3]:
        raise Refused("M006", f"shape {size}, weights {weights.shape}, input {x.shape}", CONVERT_AGAIN)
    m, kh, kw, depth = weights.shape
    op = TransposedConv2d(
        _read_stamp(node, (kh, kw), x.shape, size), 1, ctx.clamp(activation_of(node, _OPTIONS), node.output)
    )
    w = store_weights(ctx, weights, (0, 1, 2, 3), (m, kh, kw, depth))
    ctx.emit(op, (ctx.x(x), w, store_bias(ctx, node, w, at=(2, 3))), node.output.name)


def _read_stamp(node: TfliteNode, kernel: tuple[int, int], image: tuple[int, ...], size: list[int]) -> Stamp:
    """Where windows lie; of SAME the odd row or column is left out below and to the right."""
    strides = node.integer(_OPTIONS, "StrideH", 1), node.integer(_OPTIONS, "StrideW", 1)
    padding = enum_names("Padding").get(node.integer(_OPTIONS, "Padding"))
    if min(strides) < 1 or min(size) < 1 or padding not in ("SAME", "VALID"):
        raise Refused("M002", f"strides {strides}, padding {padding}, shape {size}", CONVERT_AGAIN)
    before, after, extra = [0, 0], [0, 0], [0, 0]
    for axis in range(2):
        full = (image[1 + axis] - 1) * strides[axis] + kernel[axis]
        if padding == "SAME":
            windows = -(-size[1 + axis] // strides[axis])
            before[axis] = max((windows - 1) * strides[axis] + kernel[axis] - size[1 + axis], 0) // 2
        left = full - before[axis] - size[1 + axis]
        after[axis], extra[axis] = max(left, 0), max(-left, 0)
    if any(more >= stride for more, stride in zip(extra, strides, strict=True)):
        raise Refused("M006", f"an output {size} of {image} has places without a window", CONVERT_AGAIN)
    return Stamp(kernel, strides, (before[0], before[1], after[0], after[1]), (1, 1), (extra[0], extra[1]))


FAMILY = (TfliteReader(read_transposed_conv, ("TRANSPOSE_CONV",), Codes.EXACT),)

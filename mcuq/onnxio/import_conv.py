"""Convolutions: ONNX's `[M, C/g, KH, KW]` weights become `[M, KH, KW, C/g]`."""

from __future__ import annotations

import numpy as np

from mcuq.ir.types import Shape
from mcuq.onnxio.context import ImportContext
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.ops.conv import Conv2d
from mcuq.ops.window import Window


def import_conv(ctx: ImportContext, node: OnnxNode) -> None:
    """Conv: 1-D as 2-D with height 1, and 2-D."""
    x = ctx.activation(node.input(0))
    weight_name, bias_name = node.input(1) or "", node.input(2)
    weights = ctx.weights(weight_name, "weights")
    shape = ctx.shape(x)
    if len(shape) not in (3, 4) or weights.ndim != len(shape):
        raise _wrong_rank(shape, tuple(weights.shape))
    kernel = node.get_ints("kernel_shape") or tuple(weights.shape[2:])
    if kernel != weights.shape[2:]:
        raise Refused(
            "M002",
            f"kernel_shape is {kernel}, the weights have {weights.shape[2:]}",
            "export the model again",
        )
    groups = node.get_int("group", 1)
    if groups < 1:
        raise Refused("M002", f"group is {groups}", "export the model again")
    window = read_window(node, kernel, shape[2:])
    if weights.ndim == 3:
        weights = weights[:, :, None, :]
    bias = ctx.weights(bias_name, "bias") if bias_name else np.zeros(weights.shape[0], np.float32)
    w = ctx.store(weights.transpose(0, 2, 3, 1), weight_name)
    b = ctx.store(bias, bias_name or f"{node.output} [bias]")
    ctx.emit_spatial(Conv2d(window, groups), x, (w, b), node.output)


def _wrong_rank(shape: Shape, weights: Shape) -> Refused:
    if len(weights) != len(shape) or len(shape) < 3:
        return Refused("M006", f"input {shape} and weights {weights} do not fit", "export the model again")
    return unsupported(f"its input {shape} has {len(shape) - 2} spatial axes", "use 1-D or 2-D operators")


def read_window(node: OnnxNode, kernel: tuple[int, ...], size: Shape, *, ceil_mode: bool = False) -> Window:
    """The sliding window of a convolution or pool with one or two spatial axes.

    Args:
        node: with strides, pads, dilations and auto_pad.
        kernel: taps per spatial axis.
        size: of the input, per spatial axis.
        ceil_mode: whether the last, partly covered window counts; it becomes padding.

    Raises:
        Refused: M002.
    """
    rank = len(size)
    strides = node.get_ints("strides") or (1,) * rank
    dilations = node.get_ints("dilations") or (1,) * rank
    pads = node.get_ints("pads") or (0,) * (2 * rank)
    if len(kernel) != rank or len(strides) != rank or len(dilations) != rank or len(pads) != 2 * rank:
        raise Refused(
            "M002", f"kernel {kernel}, strides {strides}, dilations {dilations}, pads {pads} for {rank} axes",
            "export the model again",
        )  # fmt: skip
    if min(*kernel, *strides, *dilations) < 1 or min(pads) < 0:
        raise Refused(
            "M002", f"kernel {kernel}, strides {strides}, dilations {dilations} or pads {pads} out of range",
            "export the model again",
        )  # fmt: skip
    begins, ends = [], []
    for axis in range(rank):
        begin, end = _axis_pads(
            node.get_string("auto_pad", "NOTSET"),
            size[axis],
            dilations[axis] * (kernel[axis] - 1) + 1,
            strides[axis],
            (pads[axis], pads[axis + rank]),
        )
        if ceil_mode:
            end += _ceil_pad(size[axis], dilations[axis] * (kernel[axis] - 1) + 1, strides[axis], begin, end)
        begins.append(begin)
        ends.append(end)
    if rank == 1:
        return Window((1, kernel[0]), (1, strides[0]), (0, begins[0], 0, ends[0]), (1, dilations[0]))
    return Window(
        (kernel[0], kernel[1]),
        (strides[0], strides[1]),
        (begins[0], begins[1], ends[0], ends[1]),
        (dilations[0], dilations[1]),
    )


def _axis_pads(auto_pad: str, size: int, extent: int, stride: int, pads: tuple[int, int]) -> tuple[int, int]:
    """Padding before and after one axis.

    Source: ONNX, Conv: SAME gives ceil(size / stride) outputs; UPPER puts the odd one at the end.
    """
    if auto_pad == "NOTSET":
        return pads
    if auto_pad == "VALID":
        return (0, 0)
    if auto_pad not in ("SAME_UPPER", "SAME_LOWER"):
        raise Refused("M002", f"auto_pad is '{auto_pad}'", "export the model again")
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + extent - size, 0)
    small, large = total // 2, total - total // 2
    return (small, large) if auto_pad == "SAME_UPPER" else (large, small)


def _ceil_pad(size: int, extent: int, stride: int, begin: int, end: int) -> int:
    """Padding at the end that makes the floor rule count the windows of the ceil rule.

    Source: ONNX, MaxPool: a window that would start beyond the input and its leading padding is dropped.
    """
    room = size + begin + end - extent
    outputs = -(-room // stride) + 1
    if (outputs - 1) * stride >= size + begin:
        outputs -= 1
    return max((outputs - 1) * stride - room, 0)

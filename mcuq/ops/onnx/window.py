"""The sliding window of convolutions and pools, in ONNX's attributes."""

from __future__ import annotations

from mcuq.ir.types import Shape
from mcuq.onnxio.export.writer import Attribute
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused
from mcuq.ops.window import Window

# Of convolutions and pools.
WINDOW_ATTRIBUTE_NAMES = ("auto_pad", "kernel_shape", "pads", "strides")


def window_attributes(window: Window) -> dict[str, Attribute]:
    """The attributes that convolutions and pools share."""
    return {"kernel_shape": window.kernel, "strides": window.strides, "pads": window.pads}


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

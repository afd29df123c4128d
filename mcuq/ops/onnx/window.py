"""The sliding window of convolutions and pools, in ONNX's attributes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mcuq.ir.op import ShapeError
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


@dataclasses.dataclass(frozen=True, slots=True)
class AxisWindow:
    """A sliding window along one axis.

    Args:
        taps: how many there are.
        stride: steps of the window.
        before: padding before the first element.
        after: padding behind the last one.
        dilation: distance between taps.
    """

    taps: int
    stride: int
    before: int
    after: int
    dilation: int

    @property
    def extent(self) -> int:
        """From the first tap to the last one."""
        return self.dilation * (self.taps - 1) + 1

    def outputs(self, size: int) -> int:
        """How often it fits.

        Raises:
            ShapeError: where it does not.
        """
        room = size + self.before + self.after - self.extent
        if room < 0:
            pads = self.before + self.after
            why = f"{self.taps} taps at distance {self.dilation} do not fit into {size} + {pads}"
            raise ShapeError(why)
        return room // self.stride + 1


def window_of(axes: Sequence[AxisWindow]) -> Window:
    """The windows of one axis, with height 1, or of two."""
    if len(axes) == 1:
        axes = (AxisWindow(1, 1, 0, 0, 1), axes[0])
    h, w = axes
    pads = (h.before, w.before, h.after, w.after)
    return Window((h.taps, w.taps), (h.stride, w.stride), pads, (h.dilation, w.dilation))


def read_axis_windows(
    node: OnnxNode, kernel: tuple[int, ...], size: Shape, *, ceil_mode: bool = False
) -> list[AxisWindow]:
    """The sliding window of a convolution or pool along each spatial axis.

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
    axes = []
    for axis in range(rank):
        extent = dilations[axis] * (kernel[axis] - 1) + 1
        begin, end = _axis_pads(
            node.get_string("auto_pad", "NOTSET"),
            size[axis],
            extent,
            strides[axis],
            (pads[axis], pads[axis + rank]),
        )
        if ceil_mode:
            end += _ceil_pad(size[axis], extent, strides[axis], begin, end)
        axes.append(AxisWindow(kernel[axis], strides[axis], begin, end, dilations[axis]))
    return axes


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

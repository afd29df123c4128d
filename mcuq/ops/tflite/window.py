"""The sliding window of convolutions and pools, in TensorFlow Lite's options."""

from __future__ import annotations

from mcuq.ir.types import Shape
from mcuq.onnxio.refusal import Refused
from mcuq.ops.window import Window
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.schema import enum_names
from mcuq.tflite.tensor import CONVERT_AGAIN


def read_tflite_window(
    node: TfliteNode, options: str, image: Shape, kernel: tuple[int, int], *, has_dilations: bool
) -> Window:
    """The window of a convolution or pool; SAME puts the odd row or column below and to the right.

    Args:
        node: the operator.
        options: the schema's name of its options.
        image: `[N, H, W, C]`.
        kernel: taps.
        has_dilations: whether the options have dilations.

    Raises:
        Refused: M002 or M006.
    """
    if len(image) != 4:
        raise Refused("M006", f"its input has shape {image}", CONVERT_AGAIN)
    strides = node.integer(options, "StrideH", 1), node.integer(options, "StrideW", 1)
    dilations = (1, 1)
    if has_dilations:
        dilations = node.integer(options, "DilationHFactor", 1), node.integer(options, "DilationWFactor", 1)
    padding = enum_names("Padding").get(node.integer(options, "Padding"))
    if min(*strides, *dilations, *kernel) < 1 or padding not in ("SAME", "VALID"):
        why = f"kernel {kernel}, strides {strides}, dilations {dilations}, padding {padding}"
        raise Refused("M002", why, CONVERT_AGAIN)
    before, after = [0, 0], [0, 0]
    if padding == "SAME":
        for axis in range(2):
            reach = dilations[axis] * (kernel[axis] - 1) + 1
            size, stride = image[1 + axis], strides[axis]
            total = max((-(-size // stride) - 1) * stride + reach - size, 0)
            before[axis], after[axis] = total // 2, total - total // 2
    return Window(kernel, strides, (before[0], before[1], after[0], after[1]), dilations)

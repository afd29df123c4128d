"""Operators that work along one axis of an image, for an axis anywhere in a tensor."""

from __future__ import annotations

import dataclasses
import math

from mcuq.ir.layout import Perm
from mcuq.ir.op import Op
from mcuq.ir.types import Shape
from mcuq.ops.pool import AveragePool, MaxPool, Mean
from mcuq.ops.resize import ResizeNearest
from mcuq.ops.window import Window


def along_axis(op: Op, shape: Shape, perm: Perm) -> tuple[Op, Shape, Shape] | None:
    """What does before a transpose what an operator along one axis does after it.

    The tensor is seen as an image `[1, before, n, after]` with the axis as its columns, which costs nothing.

    Args:
        op: any operator.
        shape: of the tensor before the transpose.
        perm: the transpose.

    Returns:
        The operator, the image it needs, and the shape of the result before the transpose; None for operators
        that work along several axes or none.

    >>> along_axis(Mean(Window((1, 5))), (1, 4, 8, 5), (0, 1, 3, 2))
    (Mean(window=Window(kernel=(1, 5), strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1)), \
clamp=Clamp(lo=-inf, hi=inf)), (1, 32, 5, 1), (1, 4, 8, 1))
    """
    turned = tuple(shape[axis] for axis in perm)
    found = _columns(op, turned)
    if found is None:
        return None
    columns, place = found
    axis = perm[place]
    before = math.prod(shape[:axis])
    image = (1, before, shape[axis], math.prod(shape[axis + 1 :]))
    if isinstance(columns, ResizeNearest):
        columns = ResizeNearest(tuple(range(before)), columns.cols)
    size = columns.infer(image)[2]
    return columns, image, (*shape[:axis], size, *shape[axis + 1 :])


def _columns(op: Op, image: Shape) -> tuple[Op, int] | None:
    """An operator that works along one axis, turned to work along the columns, and that axis."""
    if isinstance(op, ResizeNearest):
        if op.rows == tuple(range(image[1])):
            return op, 2
        return (ResizeNearest(op.cols, op.rows), 1) if op.cols == tuple(range(image[2])) else None
    if not isinstance(op, MaxPool | AveragePool | Mean):
        return None
    window = op.window
    still = [axis for axis in (0, 1) if _is_still(window, axis)]
    if not still:
        return None
    moving = 1 - still[0]
    top_left, bottom_right = window.pads[:2], window.pads[2:]
    columns = Window(
        (1, window.kernel[moving]),
        (1, window.strides[moving]),
        (0, top_left[moving], 0, bottom_right[moving]),
        (1, window.dilations[moving]),
    )
    return dataclasses.replace(op, window=columns), 1 + moving


def _is_still(window: Window, axis: int) -> bool:
    """Whether a window has one tap along an axis and looks at every place."""
    return window.kernel[axis] == 1 and window.strides[axis] == 1 and not any(window.pads[axis::2])

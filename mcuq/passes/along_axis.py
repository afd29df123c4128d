"""Operators that work along one axis of an image, for an axis anywhere in a tensor."""

from __future__ import annotations

import math

from mcuq.ir.layout import Perm
from mcuq.ir.op import Op
from mcuq.ir.types import Shape


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

    >>> from mcuq.ops.pool import MaxPool
    >>> from mcuq.ops.window import Window
    >>> along_axis(MaxPool(Window((1, 5))), (1, 4, 8, 5), (0, 1, 3, 2))
    (MaxPool(window=Window(kernel=(1, 5), strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1))), \
(1, 32, 5, 1), (1, 4, 8, 1))
    """
    place = op.moving_axis(tuple(shape[axis] for axis in perm))
    if place is None:
        return None
    axis = perm[place]
    before = math.prod(shape[:axis])
    image = (1, before, shape[axis], math.prod(shape[axis + 1 :]))
    columns = op.along_columns(place, before)
    size = columns.infer(image)[2]
    return columns, image, (*shape[:axis], size, *shape[axis + 1 :])

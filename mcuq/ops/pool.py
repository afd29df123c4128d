"""Pooling: maximum and average over a window, mean over the whole image."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from mcuq.ir.op import Clamp, Op, RangeRule, ShapeError
from mcuq.ir.types import Shape
from mcuq.ops.window import Window


def _infer_window(window: Window, x: Shape) -> Shape:
    if len(x) != 4:
        raise ShapeError(f"input must have 4 axes, found {x}")
    oh, ow = window.output_size(x[1], x[2])
    return (x[0], oh, ow, x[3])


@dataclasses.dataclass(frozen=True, slots=True)
class MaxPool(Op):
    """The largest value of each window; taps outside the image do not take part. Input `[N, H, W, C]`."""

    window: Window

    kind: ClassVar[str] = "max_pool"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, OH, OW, C]`."""
        return _infer_window(self.window, shapes[0])


@dataclasses.dataclass(frozen=True, slots=True)
class AveragePool(Op):
    """The mean of each window. Input `[N, H, W, C]`.

    Args:
        window: its dilations are 1.
        count_include_pad: whether taps outside the image count as zeros.
    """

    window: Window
    count_include_pad: bool = False

    kind: ClassVar[str] = "average_pool"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, OH, OW, C]`."""
        return _infer_window(self.window, shapes[0])


@dataclasses.dataclass(frozen=True, slots=True)
class Mean(Op):
    """The mean over windows that all lie inside the image, with an output scale of its own.

    Input `[N, H, W, C]`; a global average pool is a window of the whole image.
    """

    window: Window
    clamp: Clamp = Clamp()

    kind: ClassVar[str] = "mean"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, OH, OW, C]`."""
        if any(self.window.pads) or self.window.dilations != (1, 1):
            raise ShapeError(f"windows of a mean must lie inside the image, found {self.window}")
        return _infer_window(self.window, shapes[0])

"""Convolution: dense, grouped and depthwise, NHWC."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from mcuq.ir.op import Clamp, Op, RangeRule, ShapeError
from mcuq.ir.types import Shape
from mcuq.ops.window import Window


@dataclasses.dataclass(frozen=True, slots=True)
class Conv2d(Op):
    """y = clamp(b + sum x * w); inputs x `[N, H, W, C]`, w `[M, KH, KW, C / groups]`, b `[M]`.

    Depthwise is `groups == C`.
    """

    window: Window
    groups: int = 1
    clamp: Clamp = Clamp()

    kind: ClassVar[str] = "conv2d"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (3, 3)
    constant_inputs: ClassVar[frozenset[int]] = frozenset({1, 2})

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, OH, OW, M]`."""
        x, w, b = shapes
        if len(x) != 4 or len(w) != 4:
            raise ShapeError(f"input and weights must have 4 axes, found {x} and {w}")
        n, h, width, c = x
        m = w[0]
        if w[1:3] != self.window.kernel or b != (m,):
            raise ShapeError(f"weights {w} and bias {b} do not fit kernel {self.window.kernel}")
        if w[3] * self.groups != c or m % self.groups:
            raise ShapeError(f"{c} channels, weights {w} and {self.groups} groups do not fit")
        oh, ow = self.window.output_size(h, width)
        return (n, oh, ow, m)

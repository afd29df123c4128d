"""Fully connected layers."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from mcuq.ir.op import Clamp, Op, RangeRule, ShapeError
from mcuq.ir.types import Shape


@dataclasses.dataclass(frozen=True, slots=True)
class Linear(Op):
    """y = clamp(x w^T + b); inputs x `[..., K]`, w `[M, K]`, b `[M]`."""

    clamp: Clamp = Clamp()

    kind: ClassVar[str] = "linear"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (3, 3)
    constant_inputs: ClassVar[frozenset[int]] = frozenset({1, 2})

    def infer(self, *shapes: Shape) -> Shape:
        """`[..., M]`."""
        x, w, b = shapes
        if not x or len(w) != 2 or x[-1] != w[1] or b != (w[0],):
            raise ShapeError(f"input {x}, weights {w} and bias {b} do not fit")
        return (*x[:-1], w[0])

"""Element-wise addition."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from mcuq.ir.op import Clamp, Op, RangeRule, ShapeError
from mcuq.ir.types import Shape


@dataclasses.dataclass(frozen=True, slots=True)
class Add(Op):
    """y = clamp(a + b), equal shapes."""

    clamp: Clamp = Clamp()

    kind: ClassVar[str] = "add"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (2, 2)

    def infer(self, *shapes: Shape) -> Shape:
        """The shape of both inputs."""
        a, b = shapes
        if a != b:
            raise ShapeError(f"shapes {a} and {b} differ")
        return a

"""Softmax over the last axis."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from mcuq.ir.op import Op, RangeRule, ShapeError
from mcuq.ir.types import DType, QuantParams, Shape


@dataclasses.dataclass(frozen=True, slots=True)
class Softmax(Op):
    """y = exp(x) / sum exp(x) along the last axis."""

    kind: ClassVar[str] = "softmax"
    range_rule: ClassVar[RangeRule] = RangeRule.FIXED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        if not shapes[0]:
            raise ShapeError("a scalar has no softmax")
        return shapes[0]

    def fixed_params(self) -> QuantParams:
        """Scale 1/256, zero point -128: [0, 1) in full."""
        return QuantParams((1.0 / 256.0,), -128, DType.INT8)

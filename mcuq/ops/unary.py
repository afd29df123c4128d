"""Functions of one element."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from mcuq.ir.op import Clamp, Op, RangeRule
from mcuq.ir.types import Shape


@dataclasses.dataclass(frozen=True, slots=True)
class Clip(Op):
    """y = clamp(x) as a step of its own: an activation that found no producer to fuse into."""

    clamp: Clamp

    kind: ClassVar[str] = "clip"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        return shapes[0]

"""Per-channel scale and shift: BatchNormalization before it is folded."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from mcuq.ir.op import Op, RangeRule, ShapeError
from mcuq.ir.types import Shape


@dataclasses.dataclass(frozen=True, slots=True)
class Affine(Op):
    """y = x * a + b with one a and b per index of `axis`; inputs x, a `[C]`, b `[C]`."""

    axis: int

    kind: ClassVar[str] = "affine"
    range_rule: ClassVar[RangeRule] = RangeRule.FLOAT_ONLY
    arity: ClassVar[tuple[int, int]] = (3, 3)
    constant_inputs: ClassVar[frozenset[int]] = frozenset({1, 2})

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        x, a, b = shapes
        if not 0 <= self.axis < len(x) or a != (x[self.axis],) or b != a:
            raise ShapeError(f"input {x}, scale {a} and shift {b} do not fit along axis {self.axis}")
        return x

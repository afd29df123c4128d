"""Element-wise addition."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.op import Clamp, Op, Operand, RangeRule, ShapeError
from mcuq.ir.program import StepOp
from mcuq.ir.types import Array, Int64, Shape
from mcuq.ops.weighted import checked_requant, finish


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

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> AddStep:
        """An addition step; three multipliers around a common scale."""
        a, b = inputs
        twice = 2.0 * max(a.quant.step, b.quant.step)
        lo, hi = self.clamp.codes(output.quant)
        return AddStep(
            a_zero_point=a.quant.zero_point,
            b_zero_point=b.quant.zero_point,
            y_zero_point=output.quant.zero_point,
            a_requant=checked_requant([a.quant.step / twice], rounding),
            b_requant=checked_requant([b.quant.step / twice], rounding),
            y_requant=checked_requant([twice / ((1 << LEFT_SHIFT) * output.quant.step)], rounding),
            lo=lo,
            hi=hi,
        )


# Both operands are scaled up by 2^20 before they meet: |q - z| <= 255 leaves room for the sum in int32.
LEFT_SHIFT = 20


@dataclasses.dataclass(frozen=True, slots=True)
class AddStep(StepOp):
    """Element-wise addition of equal shapes.

    `y = clamp(rq_y(rq_a((a - za) << 20) + rq_b((b - zb) << 20)) + zy, lo, hi)`.
    Source: docs/numerics.md, the table of operators.
    """

    a_zero_point: int
    b_zero_point: int
    y_zero_point: int
    a_requant: Requant
    b_requant: Requant
    y_requant: Requant
    lo: int
    hi: int

    kind: ClassVar[str] = "add"
    in_place_inputs: ClassVar[tuple[int, ...]] = (0, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """The shape of both inputs."""
        a, b = shapes
        if a != b:
            raise ShapeError(f"shapes {a} and {b} differ")
        return a

    def code_range(self) -> tuple[int, int]:
        """The clamp's limits."""
        return self.lo, self.hi

    def operand_table(self, index: int) -> Int64:
        """What operand `index` contributes to the sum, for each of its 256 codes from -128 on."""
        zero_point = (self.a_zero_point, self.b_zero_point)[index]
        scale = (self.a_requant, self.b_requant)[index]
        return scale.apply((np.arange(-128, 128, dtype=np.int64) - zero_point) << LEFT_SHIFT)

    def run(self, *xs: Array) -> Array:
        """A and b `[samples, ...]` to y of the same shape."""
        a, b = xs
        total = (
            self.operand_table(0)[a.astype(np.int64) + 128] + self.operand_table(1)[b.astype(np.int64) + 128]
        )
        return finish(total, self.y_requant, self.y_zero_point, self.lo, self.hi)

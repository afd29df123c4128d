"""Functions of one element."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.expression import Expression
from mcuq.ir.integer import Rounding
from mcuq.ir.op import Clamp, Limits, NodeView, Operand, RangeRule
from mcuq.ir.spread import Spread
from mcuq.ir.traits import PointwiseOp
from mcuq.ir.types import CODE_TYPES, Array, DType, Shape, require_limits
from mcuq.ops.channels import ElementwiseStep, types_of_moved


@dataclasses.dataclass(frozen=True, slots=True)
class Clip(PointwiseOp):
    """y = clamp(x) as a step of its own: an activation that found no producer to fuse into."""

    clamp: Clamp

    kind: ClassVar[str] = "clip"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (1, 1)
    takes: ClassVar[tuple[DType, ...]] = CODE_TYPES
    carries_wide: ClassVar[bool] = True

    hoisted_role: ClassVar[str] = "clipped"

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> ClipStep:
        """A comparison of codes; the scale is shared."""
        return ClipStep(*self.clamp.codes(output.quant))

    def keeps_axes(self, view: NodeView) -> bool:
        return True

    def is_identity(self, view: NodeView, limits: Callable[[], Limits]) -> bool:
        """Where no value leaves the limits."""
        lo, hi = limits()
        return self.clamp.lo <= lo and hi <= self.clamp.hi

    def expression(self, view: NodeView, operands: Sequence[Expression]) -> Expression:
        """The identity; the clamp is what limits it."""
        return operands[0]

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        return self.clamp.apply(inputs[0])


@dataclasses.dataclass(frozen=True, slots=True)
class ClipStep(ElementwiseStep):
    """`y = clamp(x, lo, hi)` on codes of one scale. Source: docs/numerics.md, the table of operators."""

    lo: int
    hi: int

    kind: ClassVar[str] = "clip"
    in_place_inputs: ClassVar[tuple[int, ...]] = (0,)

    def __post_init__(self) -> None:
        require_limits(self.lo, self.hi, DType.INT16)

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """The input's, whose codes the limits are."""
        return types_of_moved(self.kind, types, self.lo, self.hi)

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        return shapes[0]

    def code_range(self) -> tuple[int, int]:
        """The limits."""
        return self.lo, self.hi

    def run(self, *xs: Array) -> Array:
        """X `[samples, ...]` to y of the same shape."""
        return np.clip(xs[0], self.lo, self.hi)

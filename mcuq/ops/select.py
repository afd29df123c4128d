"""One of two tensors, element by element, as truth values say."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.channels import Bounds, Link
from mcuq.ir.integer import Rounding
from mcuq.ir.layout import Perm
from mcuq.ir.op import Op, Operand, RangeRule
from mcuq.ir.program import CodeRange, StepOp, require_inside
from mcuq.ir.traits import ChoosingOp
from mcuq.ir.types import Array, Shape, require_codes, require_limits
from mcuq.ops.arithmetic import align, broadcast_shape
from mcuq.ops.channels import same_channels
from mcuq.ops.logic import truth_limit


@dataclasses.dataclass(frozen=True, slots=True)
class Select(ChoosingOp):
    """y = condition ? a : b, with broadcasting; a condition is true above one half."""

    kind: ClassVar[str] = "select"
    range_rule: ClassVar[RangeRule] = RangeRule.UNIFIED
    arity: ClassVar[tuple[int, int]] = (3, 3)
    own_inputs: ClassVar[frozenset[int]] = frozenset({0})
    held_inputs: ClassVar[tuple[int, ...]] = (1, 2)

    def infer(self, *shapes: Shape) -> Shape:
        """The common shape."""
        condition, a, b = shapes
        return broadcast_shape(condition, broadcast_shape(a, b))

    def commute_with_transpose(self, perm: Perm) -> Op | None:
        """Unchanged where all operands are in one layout."""
        return self

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> SelectStep:
        """A choice of codes; the scale is shared."""
        condition, a, b = inputs
        ends = [x.codes if x.codes is not None else np.array([x.lo, x.hi]) for x in (a, b)]
        lo, hi = min(int(each.min()) for each in ends), max(int(each.max()) for each in ends)
        return SelectStep(truth_limit(condition.quant), lo, hi)


@dataclasses.dataclass(frozen=True, slots=True)
class SelectStep(StepOp):
    """`y = c > limit ? a : b`, codes of one scale in [lo, hi].

    Source: docs/numerics.md, the table of operators.
    """

    limit: int
    lo: int
    hi: int

    kind: ClassVar[str] = "select"
    in_place_inputs: ClassVar[tuple[int, ...]] = (0, 1, 2)

    def __post_init__(self) -> None:
        require_codes(self.limit)
        require_limits(self.lo, self.hi)

    def check(self, *ranges: CodeRange) -> None:
        """The limits are those of both operands."""
        require_inside(ranges[1:], self.lo, self.hi)

    def infer(self, *shapes: Shape) -> Shape:
        """The common shape."""
        condition, a, b = shapes
        return broadcast_shape(condition, broadcast_shape(a, b))

    def code_range(self) -> CodeRange:
        """That of both operands."""
        return self.lo, self.hi

    def run(self, *xs: Array) -> Array:
        """Condition, a and b `[samples, ...]` to y `[samples, *common shape]`."""
        rank = max(x.ndim for x in xs) - 1
        condition, a, b = (align(x, rank) for x in xs)
        return np.asarray(np.where(condition > self.limit, a, b), np.int8)

    def bounds(self, *inputs: Bounds) -> Bounds:
        """Those of both, or of one where the condition is known."""
        condition, a, b = inputs
        always, never = condition.lo > self.limit, condition.hi <= self.limit
        lo = np.where(always, a.lo, np.where(never, b.lo, np.minimum(a.lo, b.lo)))
        hi = np.where(always, a.hi, np.where(never, b.hi, np.maximum(a.hi, b.hi)))
        return Bounds(np.asarray(lo, np.int8), np.asarray(hi, np.int8))

    def links(self, *inputs: Bounds) -> tuple[Link, ...] | None:
        return same_channels(self, inputs)

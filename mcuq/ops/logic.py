"""Truth values: comparisons, and functions of two truth values. They are int8, 0 or 1."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from mcuq.ir.channels import Bounds, Link
from mcuq.ir.integer import INT32_MAX, Requant, Rounding
from mcuq.ir.layout import Perm
from mcuq.ir.op import Limits, NodeView, Op, Operand, RangeRule, Rewrite
from mcuq.ir.program import CodeRange, StepOp, require_types
from mcuq.ir.traits import ComparingOp
from mcuq.ir.types import Array, DType, Int64, QuantParams, Shape, freeze, require, require_codes
from mcuq.ops.arithmetic import LEFT_SHIFT, align, broadcast_shape
from mcuq.ops.channels import known_bounds, same_channels
from mcuq.ops.table import TableStep
from mcuq.ops.weighted import checked_requant

TRUTH = QuantParams((1.0,), 0, DType.INT8)
# Differences are counted so that this is the larger of the two scales.
UNIT = 1 << (LEFT_SHIFT[DType.INT8] - 1)
# Where the difference of two operands lies for which a relation holds. What is ordered differs by more than
# 1/1024 of the larger scale, which is beyond all rounding; what is equal, by half of it at most.
RELATIONS: Mapping[str, CodeRange] = MappingProxyType(
    {
        "less": (-INT32_MAX, -UNIT // 1024 - 1),
        "less_or_equal": (-INT32_MAX, UNIT // 1024),
        "equal": (-UNIT // 2 + 1, UNIT // 2),
    }
)
# Results of functions of two truth values: bit 2 a + b.
TRUTH_FUNCTIONS: Mapping[str, int] = MappingProxyType({"and": 0b1000, "or": 0b1110, "xor": 0b0110})


def truth_limit(quant: QuantParams) -> int:
    """The largest code that is false: whose real value is at most one half.

    >>> truth_limit(TRUTH), truth_limit(QuantParams((2.0**-8,), -128, DType.INT8))
    (0, 0)
    """
    return min(quant.zero_point + math.floor(0.5 / quant.step), quant.dtype.qmax)


class TruthOp(Op):
    """An operator whose output holds truth values."""

    range_rule: ClassVar[RangeRule] = RangeRule.FIXED

    def fixed_params(self) -> QuantParams:
        """Scale 1, zero point 0."""
        return TRUTH

    def value_range(self, x: Callable[[], Limits]) -> Limits:
        return 0.0, 1.0

    def commute_with_transpose(self, perm: Perm) -> Op | None:
        """Unchanged where all operands are in one layout."""
        return self


@dataclasses.dataclass(frozen=True, slots=True)
class Threshold(TruthOp):
    """Whether each element is in a relation to a number.

    Args:
        relation: of `RELATIONS`.
        value: the number.
        is_negated: whether the relation must not hold.
    """

    relation: str
    value: float
    is_negated: bool = False

    kind: ClassVar[str] = "threshold"
    arity: ClassVar[tuple[int, int]] = (1, 1)
    takes: ClassVar[tuple[DType, ...]] = (DType.INT8, DType.INT32)

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        return shapes[0]

    def commute_with_reshape(self, view: NodeView, old: Shape) -> Rewrite | None:
        return Rewrite(self)

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> StepOp:
        """A table for int8; whole numbers are compared."""
        quant = inputs[0].quant
        if quant.dtype is DType.INT32:
            return ThresholdStep(*self._whole_limits(), self.is_negated)
        least, most = RELATIONS[self.relation]
        steps = np.arange(-128, 128) - quant.zero_point - np.float64(self.value) / quant.step
        difference = np.rint(np.clip(steps, -1024, 1024) * UNIT)
        holds = (least <= difference) & (difference <= most)
        return TableStep(freeze(holds != self.is_negated, "int8"))

    def _whole_limits(self) -> CodeRange:
        """The least and the largest whole number of int32 in the relation; 1 and 0 where there is none."""
        value = min(max(self.value, -(2.0**32)), 2.0**32)
        lo = math.ceil(value) if self.relation == "equal" else DType.INT32.qmin
        hi = math.ceil(value) - 1 if self.relation == "less" else math.floor(value)
        lo, hi = max(lo, DType.INT32.qmin), min(hi, DType.INT32.qmax)
        return (lo, hi) if lo <= hi else (1, 0)


@dataclasses.dataclass(frozen=True, slots=True)
class Compare(TruthOp, ComparingOp):
    """Whether the elements of two tensors are in a relation, with broadcasting.

    Args:
        relation: of `RELATIONS`.
        is_negated: whether it must not hold.
    """

    relation: str
    is_negated: bool = False

    kind: ClassVar[str] = "compare"
    arity: ClassVar[tuple[int, int]] = (2, 2)

    def infer(self, *shapes: Shape) -> Shape:
        """The common shape."""
        return broadcast_shape(*shapes)

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> CompareStep:
        """A comparison at the larger of the two scales."""
        a, b = (x.quant for x in inputs)
        twice = 2.0 * max(a.step, b.step)
        scales = [checked_requant([x.step / twice], rounding) for x in (a, b)]
        window = RELATIONS[self.relation]
        return CompareStep(a.zero_point, b.zero_point, scales[0], scales[1], *window, self.is_negated)


@dataclasses.dataclass(frozen=True, slots=True)
class Logic(TruthOp):
    """A function of two truth values, with broadcasting.

    Args:
        function: of `TRUTH_FUNCTIONS`.
    """

    function: str

    kind: ClassVar[str] = "logic"
    arity: ClassVar[tuple[int, int]] = (2, 2)

    def infer(self, *shapes: Shape) -> Shape:
        """The common shape."""
        return broadcast_shape(*shapes)

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> LogicStep:
        """A lookup among four bits."""
        a, b = (truth_limit(x.quant) for x in inputs)
        return LogicStep(TRUTH_FUNCTIONS[self.function], a, b)


def opposite() -> Op:
    """What makes false of true and true of false."""
    return Threshold("less_or_equal", 0.5)


def conjunction() -> Op:
    """What is true where two truth values are."""
    return Logic("and")


class TruthStep(StepOp):
    """A step whose output holds truth values."""

    def code_range(self) -> CodeRange:
        """False and true."""
        return 0, 1

    def bounds(self, *inputs: Bounds) -> Bounds:
        """Known where the inputs are."""
        return known_bounds(self, inputs)

    def links(self, *inputs: Bounds) -> tuple[Link, ...] | None:
        return same_channels(self, inputs)


class TruthOfTwoStep(TruthStep):
    """A truth value of two operands, element by element, with broadcasting."""

    in_place_inputs: ClassVar[tuple[int, ...]] = (0, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """The common shape."""
        a, b = shapes
        return broadcast_shape(a, b)


@dataclasses.dataclass(frozen=True, slots=True)
class ThresholdStep(TruthStep):
    """`y = (lo <= x && x <= hi) != is_negated` of int32 x.

    Source: docs/numerics.md, the table of operators.
    """

    lo: int
    hi: int
    is_negated: bool

    kind: ClassVar[str] = "threshold"

    def __post_init__(self) -> None:
        require_codes(self.lo, self.hi, dtype=DType.INT32)

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """Int8 for int32."""
        require_types(self.kind, types, DType.INT32)
        return (DType.INT8,)

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        return shapes[0]

    def meant_codes(self, index: int) -> CodeRange | None:
        """Those about the limits."""
        ends = [end for end in (self.lo, self.hi) if abs(end) < INT32_MAX] or [0]
        return max(min(ends) - 4, DType.INT32.qmin), min(max(ends) + 4, DType.INT32.qmax)

    def run(self, *xs: Array) -> Array:
        """X `[samples, ...]` to y of the same shape."""
        holds = (self.lo <= xs[0]) & (xs[0] <= self.hi)
        return np.asarray(holds != self.is_negated, np.int8)


@dataclasses.dataclass(frozen=True, slots=True)
class CompareStep(TruthOfTwoStep):
    """`y = (lo <= d && d <= hi) != is_negated`, `d = rq_a((a - za) << 20) - rq_b((b - zb) << 20)`.

    Source: docs/numerics.md, the table of operators.
    """

    a_zero_point: int
    b_zero_point: int
    a_requant: Requant
    b_requant: Requant
    lo: int
    hi: int
    is_negated: bool

    kind: ClassVar[str] = "compare"

    def __post_init__(self) -> None:
        """Check codes, and that operands are scaled down, so that differences stay in int32."""
        require_codes(self.a_zero_point, self.b_zero_point)
        require_codes(self.lo, self.hi, dtype=DType.INT32)
        scales = (self.a_requant, self.b_requant)
        require(all(len(scale.shift) == 1 for scale in scales), "one scale per tensor")
        require(all(scale.max_left_shift == 0 for scale in scales), "operands that are scaled down")
        largest = sum(int(np.abs(self.operand_table(index)).max()) for index in (0, 1))
        require(largest <= INT32_MAX, "differences in int32")

    def operand_table(self, index: int) -> Int64:
        """What operand `index` is at the common scale, for each of its codes, the smallest first."""
        zero_point = (self.a_zero_point, self.b_zero_point)[index]
        scale = (self.a_requant, self.b_requant)[index]
        return scale.apply((np.arange(-128, 128, dtype=np.int64) - zero_point) << LEFT_SHIFT[DType.INT8])

    def run(self, *xs: Array) -> Array:
        """A and b `[samples, ...]` to y `[samples, *common shape]`."""
        rank = max(x.ndim for x in xs) - 1
        a, b = (
            self.operand_table(index)[align(x, rank).astype(np.int64) + 128] for index, x in enumerate(xs)
        )
        return np.asarray(((self.lo <= a - b) & (a - b <= self.hi)) != self.is_negated, np.int8)


@dataclasses.dataclass(frozen=True, slots=True)
class LogicStep(TruthOfTwoStep):
    """Bit `2 (a > a_limit) + (b > b_limit)` of `truth`. Source: docs/numerics.md, the table of operators."""

    truth: int
    a_limit: int
    b_limit: int

    kind: ClassVar[str] = "logic"

    def __post_init__(self) -> None:
        require_codes(self.a_limit, self.b_limit)
        require(0 <= self.truth < 16, "four bits")

    def run(self, *xs: Array) -> Array:
        """A and b `[samples, ...]` to y `[samples, *common shape]`."""
        rank = max(x.ndim for x in xs) - 1
        a, b = (align(x, rank) for x in xs)
        bit = 2 * (a > self.a_limit) + (b > self.b_limit)
        return np.asarray((self.truth >> bit) & 1, np.int8)

"""Softmax over the last axis."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.columns import Along
from mcuq.ir.integer import INT32_MAX, Rounding, dhm, quantize_multiplier, rdp
from mcuq.ir.layout import Perm
from mcuq.ir.op import Limits, LoweringRefusal, Op, Operand, RangeRule, ShapeError
from mcuq.ir.program import StepOp, require_types
from mcuq.ir.spread import Spread, Z
from mcuq.ir.traits import MaskableOp, keeps_last
from mcuq.ir.types import (
    CODE_TYPES,
    OPTIONAL,
    Array,
    DType,
    Int64,
    QuantParams,
    Shape,
    require,
    require_codes,
)
from mcuq.ops.arithmetic import align, broadcast_shape
from mcuq.ops.channels import row_along
from mcuq.ops.logic import truth_limit

# The sum of exponentials is Q12.19 in int32: longer rows of equal values overflow it.
MAX_ROW = 4095
# Element types of input and output.
_TYPES = tuple((x, y) for x in CODE_TYPES for y in CODE_TYPES)


@dataclasses.dataclass(frozen=True, slots=True)
class Softmax(MaskableOp):
    """y = exp(x) / sum exp(x) along the last axis.

    Args:
        is_wide: whether the output is int16, for factors of products that take it.
    """

    is_wide: bool = False

    kind: ClassVar[str] = "softmax"
    range_rule: ClassVar[RangeRule] = RangeRule.FIXED
    takes: ClassVar[tuple[DType, ...]] = CODE_TYPES
    carries_wide: ClassVar[bool] = True
    is_judged_by_input: ClassVar[bool] = True  # probabilities near 0 and 1 hide errors
    arity: ClassVar[tuple[int, int]] = (1, 1)

    @property
    def wide_inputs(self) -> tuple[int, ...]:
        """The input, where the output is int16."""
        return (0,) if self.is_wide else ()

    def widen(self) -> Softmax:
        return Softmax(is_wide=True)

    def narrow(self) -> Softmax:
        return Softmax()

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        if not shapes[0]:
            raise ShapeError("a scalar has no softmax")
        return shapes[0]

    def fixed_params(self) -> QuantParams:
        """Scale 1/256, zero point -128: [0, 1) in full; scale 2^-15 where it is wide."""
        if self.is_wide:
            return QuantParams((2.0**-15,), 0, DType.INT16)
        return QuantParams((1.0 / 256.0,), -128, DType.INT8)

    def masked(self) -> Op:
        """The softmax of what a mask keeps."""
        return MaskedSoftmax()

    def commute_with_transpose(self, perm: Perm) -> Op | None:
        """Unchanged where the rows stay last."""
        return self if keeps_last(perm) else None

    def value_range(self, x: Callable[[], Limits]) -> Limits:
        return 0.0, 1.0

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        return np.linspace(0.0, 1.0, len(Z)).reshape(-1, *[1] * len(shapes[0]))

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> SoftmaxStep:
        """A softmax step in Q5.26.

        Raises:
            LoweringRefusal: Q004 where a row is longer than 4095.
        """
        x, y = (each.quant.dtype for each in (inputs[0], output))
        return SoftmaxStep(*lower_exponentials(inputs[0], "softmax"), x, y)


@dataclasses.dataclass(frozen=True, slots=True)
class MaskedSoftmax(MaskableOp):
    """y = exp(x) / sum exp(x) along the last axis, over the elements whose mask is true; 0 elsewhere.

    A mask is true above one half. Where nothing of a row is kept, all its elements are alike.
    """

    kind: ClassVar[str] = "masked_softmax"
    range_rule: ClassVar[RangeRule] = RangeRule.FIXED
    is_judged_by_input: ClassVar[bool] = True
    arity: ClassVar[tuple[int, int]] = (2, 2)
    own_inputs: ClassVar[frozenset[int]] = frozenset({1})

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape, to which the mask broadcasts."""
        return _infer_masked(*shapes)

    def masked(self) -> Op:
        """Itself."""
        return self

    def fixed_params(self) -> QuantParams:
        """Scale 1/256, zero point -128: [0, 1) in full."""
        return QuantParams((1.0 / 256.0,), -128, DType.INT8)

    def value_range(self, x: Callable[[], Limits]) -> Limits:
        return 0.0, 1.0

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> MaskedSoftmaxStep:
        """A softmax step in Q5.26 with a mask.

        Raises:
            LoweringRefusal: Q004 where a row is longer than 4095.
        """
        x, mask = inputs
        return MaskedSoftmaxStep(*lower_exponentials(x, "softmax"), truth_limit(mask.quant))


def _infer_masked(x: Shape, mask: Shape) -> Shape:
    if not x:
        raise ShapeError("a scalar has no softmax")
    if broadcast_shape(x, mask) != x:
        raise ShapeError(f"a mask of shape {mask} does not fit {x}")
    return x


def lower_exponentials(x: Operand, what: str) -> tuple[int, int, int]:
    """Multiplier, shift and smallest difference of an `ExponentialsStep`.

    Args:
        x: the input.
        what: names the operator.

    Raises:
        LoweringRefusal: Q004 where a row is longer than 4095.
    """
    if x.shape[-1] > MAX_ROW:
        raise LoweringRefusal(
            "Q004",
            f"a {what} row is too long for its int32 sum",
            why=f"the row has {x.shape[-1]} values, the limit is {MAX_ROW}",
            fix=f"leave the {what} out of the model; it does not change which class is largest",
        )
    multiplier, shift = quantize_multiplier(min(x.quant.step * 2.0**26, 2.0**31 - 1))
    return multiplier, shift, smallest_difference(shift)


def smallest_difference(shift: int) -> int:
    """Differences below this contribute nothing; the shift may be negative for tiny scales."""
    return max(-math.floor(31 * 2.0**26 / 2.0**shift), -256)


def exp_negative(v: Int64, integer_bits: int = 5) -> Int64:
    """e^v for v <= 0 in Q5.26, or of 4 integer bits in Q4.27, as Q0.31. Source: docs/numerics.md, exp_neg."""
    quarter = 29 - integer_bits  # the bit whose value is 1/4
    offset = (v & ((1 << quarter) - 1)) - (1 << quarter)
    remainder = offset - v
    x = (offset << integer_bits) + (1 << 28)
    x2 = dhm(x, x)
    c = 1895147668  # exp(-1/8) in Q0.31
    series = rdp(dhm(x2, x2), 2) + dhm(x2, x)
    r = c + dhm(np.full_like(x, c), x + rdp(dhm(series, 715827883) + x2, 1))
    factors = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
    for bit, factor in enumerate(factors[: integer_bits + 2]):
        r = np.where(remainder & (1 << (quarter + bit)), dhm(r, factor), r)
    result: Int64 = np.where(v == 0, INT32_MAX, r)
    return result


def one_over_one_plus(v: Int64) -> Int64:
    """1 / (1 + v) for v in [0, 1) in Q0.31, by three Newton steps. Source: docs/numerics.md, one_over_1px."""
    return _saturating_shift_left(_two_over_one_plus(v), 1)


def one_minus_over_one_plus(v: Int64) -> Int64:
    """(1 - v) / (1 + v) for v in [0, 1) in Q0.31, by the same steps."""
    return _saturating_shift_left(_two_over_one_plus(v) - (1 << 29), 2)


def _two_over_one_plus(v: Int64) -> Int64:
    """2 / (1 + v) for v in [0, 1) in Q0.31, as Q2.29."""
    half = (v + INT32_MAX + 1) >> 1
    x = 1515870810 + dhm(half, -1010580540)
    for _ in range(3):
        x = x + _saturating_shift_left(dhm(x, (1 << 29) - dhm(half, x)), 2)
    return x


def _saturating_shift_left(v: Int64, shift: int) -> Int64:
    shifted: Int64 = np.clip(v << shift, -(2**31), INT32_MAX)
    return shifted


@dataclasses.dataclass(frozen=True, slots=True)
class ExponentialsStep(StepOp):
    """Base of what is computed from `e^x` along the last axis.

    Args:
        multiplier: of the input scale in Q5.26.
        shift: likewise; may be negative.
        diff_min: differences to the row's maximum below this have no exponential.
    """

    multiplier: int
    shift: int
    diff_min: int

    in_place_inputs: ClassVar[tuple[int, ...]] = (0,)

    def __post_init__(self) -> None:
        """Check that these are what lowering gives."""
        is_normal = self.multiplier == 0 or 2**30 <= self.multiplier <= INT32_MAX
        require(is_normal and -31 <= self.shift <= 31, "a multiplier with its shift")
        require(self.diff_min == smallest_difference(self.shift), "the shift's smallest difference")

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        if not shapes[0] or shapes[0][-1] > MAX_ROW:
            raise ShapeError(f"rows of {shapes[0]} are longer than {MAX_ROW}")
        return shapes[0]

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        return row_along(self, axis, shapes[0])

    def exponentials(self, every: int = 0) -> Int64:
        """e^(2^every * d * scale) in Q0.31 for the differences d = 0, -1, ..., -255; 0 where it is tiny."""
        d = -np.arange(256, dtype=np.int64)
        shift = self.shift + every
        left, right = max(shift, 0), max(-shift, 0)
        kept = d >= smallest_difference(shift)
        scaled = rdp(dhm(np.where(kept, d, 0) << left, self.multiplier), right)
        table: Int64 = np.where(kept, exp_negative(scaled), 0)
        return table

    def row_sums(self, x: Array) -> tuple[Int64, Int64, Int64]:
        """What rows are made of.

        Args:
            x: codes `[samples, ..., K]`, int8 or int16.

        Returns:
            The exponential of each code less its row's largest in Q0.31; and by row, with a last axis of 1,
            the sum of exponentials shifted left until its bit 31 is set, and by how many bits it was.
        """
        codes = x.astype(np.int64)
        distance = codes.max(axis=-1, keepdims=True) - codes
        e = self.exponentials()[distance & 255]
        if x.dtype == np.int16:
            e = dhm(e, self.exponentials(8)[distance >> 8])
        total = rdp(e, 12).sum(axis=-1, keepdims=True)
        headroom = 32 - np.frexp(total.astype(np.float64))[1].astype(np.int64)
        return e, total << headroom, headroom


@dataclasses.dataclass(frozen=True, slots=True)
class SoftmaxStep(ExponentialsStep):
    """Softmax over the last axis, output scale 1/256 and zero point -128, or int16 of scale 2^-15.

    Args:
        multiplier: of the input scale in Q5.26.
        shift: likewise; may be negative.
        diff_min: differences to the row's maximum below this give -128.
        x_type: INT8 or INT16.
        y_type: INT8 or INT16.

    Source: docs/numerics.md, the table of operators.
    """

    x_type: DType = dataclasses.field(default=DType.INT8, metadata={OPTIONAL: True})
    y_type: DType = dataclasses.field(default=DType.INT8, metadata={OPTIONAL: True})

    kind: ClassVar[str] = "softmax"

    def __post_init__(self) -> None:
        """Check the element types as well."""
        ExponentialsStep.__post_init__(self)
        require((self.x_type, self.y_type) in _TYPES, "int8 or int16")

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """As declared."""
        require_types(self.kind, types, self.x_type)
        return (self.y_type,)

    def code_range(self) -> tuple[int, int]:
        """All codes, of int16 those from zero on."""
        return (-128, 127) if self.y_type is DType.INT8 else (0, DType.INT16.qmax)

    def run(self, *xs: Array) -> Array:
        """X `[samples, ..., K]` to y of the same shape."""
        e, total, headroom = self.row_sums(xs[0])
        share = dhm(one_over_one_plus(total - (1 << 31)), e)
        lo, hi = self.code_range()
        bits = 8 if self.y_type is DType.INT8 else 15
        y = np.clip(rdp(share, 43 - bits - headroom) + lo, lo, hi)
        return y.astype(self.y_type.numpy)


def _shares(e: Int64) -> Array:
    """Codes of the shares that exponentials have of their rows."""
    total = rdp(e, 12).sum(axis=-1, keepdims=True)
    headroom = 32 - np.frexp(total.astype(np.float64))[1].astype(np.int64)
    r = one_over_one_plus((total << headroom) - (1 << 31))
    y = np.clip(rdp(dhm(r, e), 35 - headroom) - 128, -128, 127)
    return y.astype(np.int8)


@dataclasses.dataclass(frozen=True, slots=True)
class MaskedSoftmaxStep(StepOp):
    """Softmax over the elements whose mask is above a limit, as `SoftmaxStep`; the others give -128.

    Where nothing of a row is kept, all its elements are alike.

    Args:
        multiplier: of the input scale in Q5.26.
        shift: likewise; may be negative.
        diff_min: as in `SoftmaxStep`.
        limit: the largest code of the mask that drops an element.

    Source: docs/numerics.md, the table of operators.
    """

    multiplier: int
    shift: int
    diff_min: int
    limit: int

    kind: ClassVar[str] = "masked_softmax"
    in_place_inputs: ClassVar[tuple[int, ...]] = (0,)

    def __post_init__(self) -> None:
        """Check that these are what lowering gives."""
        SoftmaxStep(self.multiplier, self.shift, self.diff_min)
        require_codes(self.limit)

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        x, mask = shapes
        if x and x[-1] > MAX_ROW:
            raise ShapeError(f"rows of {x} are longer than {MAX_ROW}")
        return _infer_masked(x, mask)

    def code_range(self) -> tuple[int, int]:
        """All codes."""
        return -128, 127

    def exponentials(self) -> Int64:
        """As in `SoftmaxStep`."""
        return SoftmaxStep(self.multiplier, self.shift, self.diff_min).exponentials()

    def run(self, *xs: Array) -> Array:
        """X `[samples, ..., K]` and its mask to y of the shape of x."""
        x = xs[0].astype(np.int64)
        kept = np.broadcast_to(align(xs[1], x.ndim - 1) > self.limit, x.shape)
        is_none = ~kept.any(axis=-1, keepdims=True)
        largest = np.where(kept, x, -128).max(axis=-1, keepdims=True)
        e = np.where(kept, self.exponentials()[np.where(kept, largest - x, 0)], 0)
        return _shares(np.where(is_none, self.exponentials()[0], e))

"""Any function of one element, and requantization, as one 256-entry table."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.channels import Bounds
from mcuq.ir.expression import Apply, Expression, evaluate, substitute
from mcuq.ir.integer import Rounding, round_half_away_array
from mcuq.ir.layout import Perm
from mcuq.ir.op import NO_LIMITS, Clamp, Limits, LoweringRefusal, NodeView, Op, Operand, RangeRule
from mcuq.ir.program import StepOp
from mcuq.ir.spread import Spread
from mcuq.ir.traits import PointwiseOp
from mcuq.ir.types import CODE_TYPES, Array, DType, Float64, Int8, QuantParams, Shape, freeze, require
from mcuq.ops.channels import ElementwiseStep
from mcuq.ops.requantize import RequantizeStep
from mcuq.ops.weighted import checked_requant, finish

# Functions whose range does not depend on the data.
_FIXED = {
    "sigmoid": QuantParams((1.0 / 256.0,), -128, DType.INT8),
    "tanh": QuantParams((1.0 / 128.0,), 0, DType.INT8),
}
# Of primitives that are often the last one of a function.
_RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "exp": (0.0, math.inf), "abs": (0.0, math.inf)}
# Of a step between two codes, until float64 holds no number between.
_HALVINGS = 64


@dataclasses.dataclass(frozen=True, slots=True)
class Table(PointwiseOp):
    """y = clamp(f(x)) element by element.

    Args:
        function: f.
        clamp: the limits.
        codes: the table for input codes -128 to 127, where a file's format says how its integers are
            computed; empty where f decides. No pass merges such a table with others.
    """

    function: Expression
    clamp: Clamp = Clamp()
    codes: tuple[int, ...] = ()

    kind: ClassVar[str] = "table"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def rule(self) -> RangeRule:
        """FIXED for sigmoid and tanh."""
        return RangeRule.FIXED if self._known() is not None else RangeRule.CALIBRATED

    def fixed_params(self) -> QuantParams:
        """Sigmoid: scale 1/256, zero point -128; tanh: scale 1/128, zero point 0."""
        known = self._known()
        assert known is not None
        return known

    def _known(self) -> QuantParams | None:
        if not isinstance(self.function, Apply) or not self.clamp.is_identity:
            return None
        return _FIXED.get(self.function.function)

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> TableStep:
        """The function at all 256 codes, in float64, rounded half away."""
        if self.codes:
            return TableStep(freeze(np.array(self.codes), "int8"))
        x = inputs[0]
        codes = np.arange(-128, 128)
        real = _up_to_ends(self.function, x.quant.step * (codes - x.quant.zero_point).astype(np.float64))
        used = real[x.lo + 128 : x.hi + 129]
        if np.isnan(used).any():
            code = int(codes[x.lo + 128 + int(np.argmax(np.isnan(used)))])
            raise LoweringRefusal(
                "Q001",
                "a function is undefined for values that its input can have",
                why=f"it gives NaN at {x.quant.step * (code - x.quant.zero_point):g}",
                fix="limit its input in the model, for instance with Clip",
            )
        # Beyond 1024 steps every code is clamped: infinity and values that division would make so stop there.
        limit = 1024 * output.quant.step
        ratio = np.clip(np.nan_to_num(real), -limit, limit) / output.quant.step
        lo, hi = self.clamp.codes(output.quant)
        table = np.clip(round_half_away_array(ratio) + output.quant.zero_point, lo, hi)
        return TableStep(freeze(table, "int8"))

    @property
    def takes_any_params(self) -> bool:
        """Always: fixed ones are what its function needs at most, and a table can hold other codes."""
        return True

    def is_pointwise(self, view: NodeView) -> bool:
        """Whether its function is all there is of it."""
        return not self.codes

    def expression(self, view: NodeView, operands: Sequence[Expression]) -> Expression:
        """The function of a function."""
        return substitute(self.function, operands[0])

    def value_range(self, x: Callable[[], Limits]) -> Limits:
        """The clamp's, and those of functions whose last primitive is known for them."""
        lo, hi = NO_LIMITS
        if isinstance(self.function, Apply):
            lo, hi = _RANGES.get(self.function.function, NO_LIMITS)
        return max(lo, self.clamp.lo), min(hi, self.clamp.hi)

    def is_homogeneous(self) -> bool:
        """Whether doubling the input doubles the output exactly, over many magnitudes, as leaky ReLU does."""
        if self.codes or not self.clamp.is_homogeneous:
            return False
        x = np.outer([-1.0, 1.0], np.geomspace(1e-6, 1e6, 97)).reshape(-1)
        once, twice = evaluate(self.function, x), evaluate(self.function, 2 * x)
        return bool(np.isfinite(once).all() and (twice == 2 * once).all())

    def relax_clamp(self) -> Op | None:
        """None: its limits are a part of its function."""
        return None

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        """The function of the points."""
        return self.clamp.apply(evaluate(self.function, inputs[0]))


def _up_to_ends(function: Expression, x: Float64) -> Float64:
    """The function at rising x; the end of its domain counts for one x beyond it, others there give NaN."""
    y = np.array(evaluate(function, x))
    is_nan = np.isnan(y)
    for inside, beyond in ((slice(None, -1), slice(1, None)), (slice(1, None), slice(None, -1))):
        is_end = ~is_nan[inside] & is_nan[beyond]
        last, past = x[inside][is_end], x[beyond][is_end]
        for _ in range(_HALVINGS):
            middle = (last + past) / 2
            is_defined = ~np.isnan(evaluate(function, middle))
            last, past = np.where(is_defined, middle, last), np.where(is_defined, past, middle)
        y[beyond][is_end] = evaluate(function, last)
    return y


@dataclasses.dataclass(frozen=True, slots=True)
class Requantize(Op):
    """The same real values with other quantization parameters; inserted where neighbours must differ."""

    kind: ClassVar[str] = "requantize"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (1, 1)
    takes: ClassVar[tuple[DType, ...]] = CODE_TYPES
    converts: ClassVar[bool] = True

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        return shapes[0]

    def commute_with_transpose(self, perm: Perm) -> Op | None:
        """Unchanged; in front of a reshape it would leave the tensor that it was asked for."""
        return self

    def keeps_axes(self, view: NodeView) -> bool:
        return True

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> StepOp:
        """`clamp(rq(q - zx) + zy)`, integer arithmetic; of int8 for all 256 codes now."""
        x, y = inputs[0].quant, output.quant
        if DType.INT16 in (x.dtype, y.dtype):
            scale = checked_requant([x.step / y.step], rounding, x.dtype.qmax - x.dtype.qmin)
            return RequantizeStep(x.zero_point, y.zero_point, scale, x.dtype, y.dtype)
        scale = checked_requant([x.step / y.step], rounding, 255)
        table = finish(np.arange(-128, 128, dtype=np.int64) - x.zero_point, scale, y.zero_point, -128, 127)
        return TableStep(freeze(table))


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class TableStep(ElementwiseStep):
    """`y = table[x + 128]`. Source: docs/numerics.md, the table of operators.

    Args:
        table: int8 `[256]`, for codes -128 to 127.
    """

    table: Int8

    kind: ClassVar[str] = "table"
    in_place_inputs: ClassVar[tuple[int, ...]] = (0,)

    def __post_init__(self) -> None:
        """Check that every code has an entry."""
        require(self.table.shape == (256,), "256 entries")

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        return shapes[0]

    def code_range(self) -> tuple[int, int]:
        """The smallest and largest entry."""
        return int(self.table.min()), int(self.table.max())

    def run(self, *xs: Array) -> Array:
        """X `[samples, ...]` to y of the same shape."""
        y: Array = self.table[xs[0].astype(np.int16) + 128]
        return y

    def bounds(self, *inputs: Bounds) -> Bounds:
        """The smallest and largest entry between both ends: a table need not be monotone."""
        first, last = (codes.astype(np.int16) + 128 for codes in (inputs[0].lo, inputs[0].hi))
        lo, hi = np.empty((2, 256, 256), np.int8)
        for code in range(256):
            lo[code, code:] = np.minimum.accumulate(self.table[code:])
            hi[code, code:] = np.maximum.accumulate(self.table[code:])
        return Bounds(lo[first, last], hi[first, last])

"""The logarithm of softmax over the last axis."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.layout import Perm
from mcuq.ir.op import Limits, Op, Operand, RangeRule, ShapeError
from mcuq.ir.traits import keeps_last
from mcuq.ir.types import Array, Int64, Shape, require, require_codes
from mcuq.ops.softmax import ExponentialsStep, lower_exponentials
from mcuq.ops.weighted import checked_requant, finish

# Fraction bits of the binary logarithm of a sum.
LOG_BITS = 16
# No row has a sum whose logarithm is more: ln 4095 < 9, in bits 12 with the fraction behind.
_LOG_MAX, _LOG_CODE_MAX = 9.0, 13 << LOG_BITS
# Differences and logarithms meet as numbers below this.
_VALUE_BITS = 28


@dataclasses.dataclass(frozen=True, slots=True)
class LogSoftmax(Op):
    """y = x - max - ln(sum exp(x - max)) along the last axis."""

    kind: ClassVar[str] = "log_softmax"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        if not shapes[0]:
            raise ShapeError("a scalar has no softmax")
        return shapes[0]

    def commute_with_transpose(self, perm: Perm) -> Op | None:
        """Unchanged where the rows stay last."""
        return self if keeps_last(perm) else None

    def value_range(self, x: Callable[[], Limits]) -> Limits:
        return -math.inf, 0.0

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> LogSoftmaxStep:
        """A step that subtracts, in as many fraction bits as the input's scale leaves room for.

        Raises:
            LoweringRefusal: Q003 where the output's scale is out of range, Q004 where a row is too long.
        """
        x, y_step = inputs[0], output.quant.step
        # Differences of more than all codes of the output give its smallest code, however large they are.
        step = min(x.quant.step, 256 * y_step)
        bits = _VALUE_BITS - math.frexp(255 * step + _LOG_MAX)[1]
        return LogSoftmaxStep(
            *lower_exponentials(x, "log-softmax"),
            x_requant=checked_requant([step * 2.0**bits], rounding, 255),
            log_requant=checked_requant([math.log(2) * 2.0 ** (bits - LOG_BITS)], rounding, _LOG_CODE_MAX),
            y_requant=checked_requant([2.0**-bits / y_step], rounding, 4 << _VALUE_BITS),
            y_zero_point=output.quant.zero_point,
        )


def binary_logarithm(total: Int64, headroom: Int64) -> Int64:
    """The binary logarithm of numbers in Q12.19 that are at least 1, in Q12.16, digit by digit.

    Args:
        total: the numbers shifted left, so that bit 31 is their highest.
        headroom: by how many bits they are.

    Source: docs/numerics.md, log-softmax.
    """
    x = total.astype(np.uint64)
    log = 12 - headroom
    for _ in range(LOG_BITS):
        square = (x * x) >> np.uint64(31)
        digit = square >> np.uint64(32)
        x = square >> digit
        log = 2 * log + digit.astype(np.int64)
    return log


@dataclasses.dataclass(frozen=True, slots=True)
class LogSoftmaxStep(ExponentialsStep):
    """Logarithm of softmax over the last axis.

    Args:
        multiplier: of the input scale in Q5.26.
        shift: likewise; may be negative.
        diff_min: differences to the row's maximum below this add nothing to the sum.
        x_requant: of differences to the row's maximum.
        log_requant: of binary logarithms of sums.
        y_requant: of what these differ by.
        y_zero_point: of the output.

    Source: docs/numerics.md, log-softmax.
    """

    x_requant: Requant
    log_requant: Requant
    y_requant: Requant
    y_zero_point: int

    kind: ClassVar[str] = "log_softmax"

    def __post_init__(self) -> None:
        """Check that no value leaves int32 on its way."""
        ExponentialsStep.__post_init__(self)
        require_codes(self.y_zero_point)
        scales = (self.x_requant, self.log_requant, self.y_requant)
        require(all(len(each.shift) == 1 for each in scales), "one scale of each")
        for most, scale in ((255, scales[0]), (_LOG_CODE_MAX, scales[1])):
            # A multiplier is below 2^31, so that the result is below this as well.
            require(most << scale.max_left_shift <= 2 << _VALUE_BITS, "values below 2^29")
        require(scales[2].max_left_shift == 0, "sums that are shifted right")

    def code_range(self) -> tuple[int, int]:
        """Nothing is above the code of 0."""
        return -128, self.y_zero_point

    def run(self, *xs: Array) -> Array:
        """X `[samples, ..., K]` to y of the same shape."""
        _, total, headroom = self.row_sums(xs[0])
        log = self.log_requant.apply(binary_logarithm(total, headroom))
        x = xs[0].astype(np.int64)
        value = self.x_requant.apply(x - x.max(axis=-1, keepdims=True)) - log
        return finish(value, self.y_requant, self.y_zero_point, *self.code_range())

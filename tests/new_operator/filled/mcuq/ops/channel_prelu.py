"""PRelu with a slope of its own for every channel."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.channels import Bounds
from mcuq.ir.integer import INT32_MAX, Requant, Rounding
from mcuq.ir.layout import Perm
from mcuq.ir.op import Clamp, NodeView, Op, Operand, RangeRule, ShapeError
from mcuq.ir.spread import Spread
from mcuq.ir.traits import ClampedOp, keeps_last
from mcuq.ir.types import Array, Shape, require, require_codes, require_limits
from mcuq.ops.channels import ChannelwiseStep
from mcuq.ops.weighted import checked_requant


def _infer(x: Shape, channels: int) -> Shape:
    if x[-1:] != (channels,):
        raise ShapeError(f"{channels} slopes do not fit the channels of {x}")
    return x


@dataclasses.dataclass(frozen=True, slots=True)
class ChannelPrelu(ClampedOp):
    """y = clamp(x) where x >= 0, else clamp(slope[c] x); input `[..., C]`.

    Args:
        slopes: one per channel, finite and not negative.
        clamp: of the result.
    """

    slopes: tuple[float, ...]
    clamp: Clamp = Clamp()

    kind: ClassVar[str] = "channel_prelu"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        return _infer(shapes[0], len(self.slopes))

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> ChannelPreluStep:
        """One multiplier for what is positive, and one per channel for what is negative."""
        x, y = inputs[0].quant, output.quant
        lo, hi = self.clamp.codes(y)
        return ChannelPreluStep(
            x_zero_point=x.zero_point,
            y_zero_point=y.zero_point,
            positive=checked_requant([x.step / y.step], rounding, 255),
            negative=checked_requant([slope * x.step / y.step for slope in self.slopes], rounding, 255),
            lo=lo,
            hi=hi,
        )

    def commute_with_transpose(self, perm: Perm) -> Op | None:
        """Unchanged where the channels stay last."""
        return self if keeps_last(perm) else None

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        """The function of the points."""
        slopes = np.array(self.slopes)
        return self.clamp.apply(np.where(inputs[0] >= 0, inputs[0], slopes * inputs[0]))

    def is_identity(self, view: NodeView, limits: object) -> bool:
        """With slopes of 1 and no clamp."""
        return self.clamp.is_identity and all(slope == 1 for slope in self.slopes)


@dataclasses.dataclass(frozen=True, slots=True)
class ChannelPreluStep(ChannelwiseStep):
    """`y = clamp(rq(x - zx) + zy, lo, hi)`, rq the channel's where `x < zx`.

    Source: docs/numerics.md, the table of operators.
    """

    x_zero_point: int
    y_zero_point: int
    positive: Requant
    negative: Requant
    lo: int
    hi: int

    kind: ClassVar[str] = "channel_prelu"
    in_place_inputs: ClassVar[tuple[int, ...]] = (0,)

    def __post_init__(self) -> None:
        """Check codes, and that no difference is shifted out of int32."""
        require_codes(self.x_zero_point, self.y_zero_point)
        require_limits(self.lo, self.hi)
        require(len(self.positive.shift) == 1, "one scale for positive values")
        for scale in (self.positive, self.negative):
            require((255 << scale.max_left_shift) + 256 <= INT32_MAX, "a left shift that stays in int32")

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        return _infer(shapes[0], len(self.negative.shift))

    def code_range(self) -> tuple[int, int]:
        """The clamp's limits."""
        return self.lo, self.hi

    def run(self, *xs: Array) -> Array:
        """X `[samples, ..., C]` to y of the same shape."""
        x = xs[0].astype(np.int64) - self.x_zero_point
        y = np.where(x >= 0, self.positive.apply(np.maximum(x, 0)), self.negative.apply(np.minimum(x, 0)))
        return np.clip(y + self.y_zero_point, self.lo, self.hi).astype(np.int8)

    def select(self, inputs: Sequence[Array], output: Array, bounds: Sequence[Bounds]) -> ChannelPreluStep:
        """The slopes of the channels that stay."""
        multiplier, shift = (
            tuple(value for value, stays in zip(values, output, strict=True) if stays)
            for values in (self.negative.multiplier, self.negative.shift)
        )
        return dataclasses.replace(self, negative=Requant(multiplier, shift, self.negative.rounding))


def has_useful_slopes(slopes: Sequence[float]) -> bool:
    """Whether the step can have such slopes."""
    return all(math.isfinite(slope) and slope >= 0 for slope in slopes)

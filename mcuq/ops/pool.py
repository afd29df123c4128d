"""Pooling: maximum and average over a window, mean over the whole image."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.integer import INT32_MAX, Requant, Rounding
from mcuq.ir.op import Clamp, Op, Operand, RangeRule, ShapeError
from mcuq.ir.program import CodeRange, require_inside
from mcuq.ir.types import Array, Shape, elem_count, require, require_codes, require_limits
from mcuq.ops.channels import ChannelwiseStep
from mcuq.ops.weighted import checked_requant, finish
from mcuq.ops.window import Window


def _infer_window(window: Window, x: Shape) -> Shape:
    return window.output_shape(x, x[-1] if x else 0)


@dataclasses.dataclass(frozen=True, slots=True)
class MaxPool(Op):
    """The largest value of each window; taps outside the image do not take part. Input `[N, H, W, C]`."""

    window: Window

    kind: ClassVar[str] = "max_pool"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, OH, OW, C]`."""
        return _infer_window(self.window, shapes[0])

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> MaxPoolStep:
        """A maximum step over codes; the scale is shared."""
        return MaxPoolStep(self.window, *operand_limits(inputs[0]))


@dataclasses.dataclass(frozen=True, slots=True)
class AveragePool(Op):
    """The mean of each window. Input `[N, H, W, C]`.

    Args:
        window: its dilations are 1.
        count_include_pad: whether taps outside the image count as zeros.
    """

    window: Window
    count_include_pad: bool = False

    kind: ClassVar[str] = "average_pool"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, OH, OW, C]`."""
        return _infer_window(self.window, shapes[0])

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> AveragePoolStep:
        """An average step over codes; the scale is shared."""
        x = inputs[0]
        return AveragePoolStep(self.window, self.count_include_pad, x.quant.zero_point, *operand_limits(x))


@dataclasses.dataclass(frozen=True, slots=True)
class Mean(Op):
    """The mean over windows that all lie inside the image, with an output scale of its own.

    Input `[N, H, W, C]`; a global average pool is a window of the whole image.
    """

    window: Window
    clamp: Clamp = Clamp()

    kind: ClassVar[str] = "mean"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, OH, OW, C]`."""
        if any(self.window.pads) or self.window.dilations != (1, 1):
            raise ShapeError(f"windows of a mean must lie inside the image, found {self.window}")
        return _infer_window(self.window, shapes[0])

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> MeanStep:
        """A mean step with an output scale of its own."""
        x = inputs[0]
        taps = self.window.kernel[0] * self.window.kernel[1]
        lo, hi = self.clamp.codes(output.quant)
        return MeanStep(
            window=self.window,
            x_zero_point=x.quant.zero_point,
            y_zero_point=output.quant.zero_point,
            requant=checked_requant([x.quant.step / (taps * output.quant.step)], rounding, 255 * taps),
            lo=lo,
            hi=hi,
        )


def operand_limits(x: Operand) -> tuple[int, int]:
    """The codes an operand can take."""
    return x.lo, x.hi


class PoolStep(ChannelwiseStep):
    """A step that computes each channel from windows of the same channel."""

    window: Window

    def operations(self, output: Shape) -> int:
        """One per output and tap."""
        return elem_count(output) * math.prod(self.window.kernel)


@dataclasses.dataclass(frozen=True, slots=True)
class MaxPoolStep(PoolStep):
    """The largest code of each window; taps outside the image do not take part.

    Source: docs/numerics.md, the table of operators.
    """

    window: Window
    lo: int
    hi: int

    kind: ClassVar[str] = "max_pool"

    def __post_init__(self) -> None:
        """Check the limits."""
        require_limits(self.lo, self.hi)

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, OH, OW, C]`."""
        return _infer_window(self.window, shapes[0])

    def code_range(self) -> tuple[int, int]:
        """The input's, and the smallest code where a window may miss the image."""
        return -128 if self.window.can_miss_image else self.lo, self.hi

    def check(self, *ranges: CodeRange) -> None:
        """The limits are the input's."""
        require_inside(ranges, self.lo, self.hi)

    def run(self, *xs: Array) -> Array:
        """X `[samples, N, H, W, C]` to y `[samples, N, OH, OW, C]`."""
        (x,) = xs
        top, left, bottom, right = self.window.pads
        image = x.reshape(-1, *x.shape[2:])
        image = np.pad(image, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=-128)
        y: Array = functools.reduce(np.maximum, (tap for _, tap in self.window.taps(image)))
        return y.reshape(*x.shape[:2], *y.shape[1:])


@dataclasses.dataclass(frozen=True, slots=True)
class AveragePoolStep(PoolStep):
    """The mean code of each window, ties away from zero, with the input's scale.

    `n` is the number of taps inside the image, or of all taps (those outside are the zero point) with
    `count_include_pad`. Source: docs/numerics.md, the table of operators.
    """

    window: Window
    count_include_pad: bool
    x_zero_point: int
    lo: int
    hi: int

    kind: ClassVar[str] = "average_pool"

    def __post_init__(self) -> None:
        """Check codes, and that no sum leaves int32."""
        require_codes(self.x_zero_point)
        require_limits(self.lo, self.hi)
        require(self.window.dilations == (1, 1), "a window without gaps")
        require(128 * math.prod(self.window.kernel) <= INT32_MAX, "a sum in int32")

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, OH, OW, C]`."""
        return _infer_window(self.window, shapes[0])

    def code_range(self) -> tuple[int, int]:
        """The input's, and what stands for a tap or a window outside the image."""
        if self.count_include_pad:
            return min(self.lo, self.x_zero_point), max(self.hi, self.x_zero_point)
        if self.window.can_miss_image:
            return min(self.lo, 0), max(self.hi, 0)
        return self.lo, self.hi

    def check(self, *ranges: CodeRange) -> None:
        """The limits are the input's."""
        require_inside(ranges, self.lo, self.hi)

    def run(self, *xs: Array) -> Array:
        """X `[samples, N, H, W, C]` to y `[samples, N, OH, OW, C]`."""
        (x,) = xs
        top, left, bottom, right = self.window.pads
        border = ((0, 0), (top, bottom), (left, right), (0, 0))
        image = x.reshape(-1, *x.shape[2:]).astype(np.int32)
        outside = self.x_zero_point if self.count_include_pad else 0
        image = np.pad(image, border, constant_values=outside)
        inside = np.ones((1, *x.shape[2:4], 1), np.int32)
        inside = np.pad(inside, border, constant_values=int(self.count_include_pad))
        total = functools.reduce(np.add, (tap for _, tap in self.window.taps(image)))
        count = functools.reduce(np.add, (tap for _, tap in self.window.taps(inside)))
        magnitude = (np.abs(total) + count // 2) // np.maximum(count, 1)
        y: Array = np.where(total > 0, magnitude, -magnitude).astype(np.int8)
        return y.reshape(*x.shape[:2], *y.shape[1:])


@dataclasses.dataclass(frozen=True, slots=True)
class MeanStep(PoolStep):
    """The mean over windows inside the image: `clamp(rq(sum q - n zx) + zy, lo, hi)`.

    Source: docs/numerics.md, the table of operators.
    """

    window: Window
    x_zero_point: int
    y_zero_point: int
    requant: Requant
    lo: int
    hi: int

    kind: ClassVar[str] = "mean"

    def __post_init__(self) -> None:
        """Check codes, and that the sum stays in int32 when it is shifted left."""
        require_codes(self.x_zero_point, self.y_zero_point)
        require_limits(self.lo, self.hi)
        require(len(self.requant.shift) == 1, "one scale per tensor")
        largest = 255 * math.prod(self.window.kernel)
        require(largest << self.requant.max_left_shift <= INT32_MAX, "a left shift that keeps sums in int32")

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, OH, OW, C]`."""
        return Mean(self.window).infer(*shapes)

    def code_range(self) -> tuple[int, int]:
        """The clamp's limits."""
        return self.lo, self.hi

    def macs(self, output: Shape) -> int:
        """One addition per output and tap."""
        return elem_count(output) * self.window.kernel[0] * self.window.kernel[1]

    def run(self, *xs: Array) -> Array:
        """X `[samples, N, H, W, C]` to y `[samples, N, OH, OW, C]`."""
        (x,) = xs
        image = x.reshape(-1, *x.shape[2:]).astype(np.int64) - self.x_zero_point
        total = functools.reduce(np.add, (tap for _, tap in self.window.taps(image)))
        y = finish(total, self.requant, self.y_zero_point, self.lo, self.hi)
        return y.reshape(*x.shape[:2], *y.shape[1:])

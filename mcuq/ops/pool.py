"""Pooling: maximum and average over a window, mean over the whole image."""

from __future__ import annotations

import dataclasses
import enum
import functools
import math
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.columns import Along, Pieces
from mcuq.ir.integer import INT32_MAX, Requant, Rounding
from mcuq.ir.op import Clamp, Limits, NodeView, Op, Operand, RangeRule, ShapeError, reuse
from mcuq.ir.program import CodeRange, require_inside, require_types
from mcuq.ir.spread import Spread, over_positions
from mcuq.ir.traits import ClampedOp, changed
from mcuq.ir.types import (
    CODE_TYPES,
    OPTIONAL,
    Array,
    DType,
    Float64,
    Shape,
    elem_count,
    require,
    require_codes,
    require_limits,
)
from mcuq.ops.channels import ChannelwiseStep
from mcuq.ops.partial_mean import mean_pieces
from mcuq.ops.pool_op import PoolOp, cut_multiplier, infer_window
from mcuq.ops.weighted import checked_requant, finish
from mcuq.ops.window import Window, mean_spread, window_along


@dataclasses.dataclass(frozen=True, slots=True)
class MaxPool(PoolOp):
    """The largest value of each window; taps outside the image do not take part. Input `[N, H, W, C]`."""

    window: Window

    kind: ClassVar[str] = "max_pool"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> MaxPoolStep:
        """A maximum step over codes; the scale is shared."""
        return MaxPoolStep(self.window, *operand_limits(inputs[0]), inputs[0].quant.dtype)

    def behind_clamp(self, clamp: Clamp) -> Op | None:
        """Unchanged: a maximum of clipped values is the clipped maximum, since clipping is monotone."""
        return self

    def absorb_pad(self, pads: tuple[tuple[int, int], ...], value: float, least: float) -> Op | str | None:
        """Its own padding takes no part, so the border must not be able to win."""
        why = self.window.pad_obstacle(pads)
        if why is None and value > -math.inf and value > least:
            why = f"the border {value:g} can be the maximum, values start at {least:g}"
        # A window beyond the image would find no tap.
        why = why or self.window.empty_window(pads)
        return why or changed(self, window=self.window.padded(pads))


@dataclasses.dataclass(frozen=True, slots=True)
class AveragePool(PoolOp):
    """The mean of each window. Input `[N, H, W, C]`.

    Args:
        window: its dilations are 1.
        count_include_pad: whether taps outside the image count as zeros.
        keeps_params: whether the output has to have the parameters of the input: its file says so.
    """

    window: Window
    count_include_pad: bool = False
    keeps_params: bool = False

    kind: ClassVar[str] = "average_pool"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> AveragePoolStep:
        """An average step over codes; the scale is shared."""
        x = inputs[0]
        params = x.quant.zero_point, *operand_limits(x), x.quant.dtype
        return AveragePoolStep(self.window, self.count_include_pad, *params)

    def absorb_pad(self, pads: tuple[tuple[int, int], ...], value: float, least: float) -> Op | str | None:
        """A border of zeros, whose taps count."""
        why = self.window.pad_obstacle(pads)
        if why is None and value != 0:
            why = f"the border is {value:g}, not 0"
        if why is None and any(self.window.pads) and not self.count_include_pad:
            why = "the pool has padding of its own that it does not count"
        why = why or self.window.empty_window(pads)
        return why or changed(self, window=self.window.padded(pads), count_include_pad=True)

    def simplify(self) -> Op | str | None:
        """Mean, where all windows are equal. Source: docs/numerics.md: a shared scale leaves codes unused."""
        if self.keeps_params:
            return None
        if any(self.window.pads):
            return f"its windows reach into the padding {self.window.pads}"
        return Mean(self.window)

    def value_range(self, x: Callable[[], Limits]) -> Limits:
        """The input's, and 0 where taps outside the image count as zeros."""
        lo, hi = x()
        return (min(lo, 0.0), max(hi, 0.0)) if self.count_include_pad else (lo, hi)

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        return mean_spread(over_positions(inputs[0]), self.window)

    def input_importance(self, y: Float64, view: NodeView) -> tuple[Float64, ...]:
        """Each of n taps carries 1 / n^2, and is one of n of its window."""
        return (y * reuse(view.output, view.shapes[0]) / elem_count(self.window.kernel),)


class Division(enum.Enum):
    """How the multiplier of a mean holds the division by the number of taps."""

    ROUNDED = "rounded"  # that of the scale divided by it
    CUT = "cut"  # that of the scale, divided by it in integers


@dataclasses.dataclass(frozen=True, slots=True)
class Mean(ClampedOp, PoolOp):
    """The mean over windows that all lie inside the image, with an output scale of its own.

    Input `[N, H, W, C]`; a global average pool is a window of the whole image.

    Args:
        window: its dilations are 1.
        clamp: the limits.
        division: where a file's format says how its integers are computed, CUT.
    """

    window: Window
    clamp: Clamp = Clamp()
    division: Division = dataclasses.field(default=Division.ROUNDED, metadata={OPTIONAL: True})

    kind: ClassVar[str] = "mean"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, OH, OW, C]`."""
        if any(self.window.pads) or self.window.dilations != (1, 1):
            raise ShapeError(f"windows of a mean must lie inside the image, found {self.window}")
        return infer_window(self.window, shapes[0])

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> MeanStep:
        """A mean step with an output scale of its own."""
        x = inputs[0]
        taps = self.window.kernel[0] * self.window.kernel[1]
        lo, hi = self.clamp.codes(output.quant)
        largest = _largest_code(x.quant.dtype) * taps
        requant = checked_requant([x.quant.step / (taps * output.quant.step)], rounding, largest)
        if self.division is Division.CUT:
            requant = Requant(*cut_multiplier(x.quant.step / output.quant.step, taps), rounding)
        return MeanStep(
            window=self.window,
            x_zero_point=x.quant.zero_point,
            y_zero_point=output.quant.zero_point,
            requant=requant,
            lo=lo,
            hi=hi,
            dtype=x.quant.dtype,
        )

    def combine(self, before: Op, source: Shape, x: Shape) -> Op | None:
        """One mean of two that together cover the image: means of equally many values."""
        if not isinstance(before, Mean) or not before.clamp.is_identity:
            return None
        if Division.CUT in (self.division, before.division):
            return None
        is_along_one = before.window in (Window((1, source[2])), Window((source[1], 1)))
        if not is_along_one or self.window != Window((x[1], x[2])):
            return None
        # A reshape between them may only move the axis that is left, not channels into it.
        is_kept = (source[0], source[3]) == (x[0], x[3])
        return changed(self, window=Window((source[1], source[2]))) if is_kept else None

    def value_range(self, x: Callable[[], Limits]) -> Limits:
        """The clamp's, or the input's where there is none."""
        return x() if self.clamp.is_identity else ClampedOp.value_range(self, x)

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        return self.clamp.apply(mean_spread(over_positions(inputs[0]), self.window))

    def input_importance(self, y: Float64, view: NodeView) -> tuple[Float64, ...]:
        """Each of n taps carries 1 / n^2, and is one of n of its window."""
        return (y * reuse(view.output, view.shapes[0]) / elem_count(self.window.kernel),)


def _largest_code(dtype: DType) -> int:
    """What no code of an input exceeds in magnitude, less its zero point; that of int16 is 0."""
    return 255 if dtype is DType.INT8 else -dtype.qmin


def operand_limits(x: Operand) -> tuple[int, int]:
    """The codes an operand can take."""
    return x.lo, x.hi


class PoolStep(ChannelwiseStep):
    """A step that computes each channel from windows of the same channel, in one type."""

    window: Window
    dtype: DType

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """Input and output have one type."""
        require_types(self.kind, types, self.dtype)
        return (self.dtype,)

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
    dtype: DType = dataclasses.field(default=DType.INT8, metadata={OPTIONAL: True})

    kind: ClassVar[str] = "max_pool"

    def __post_init__(self) -> None:
        require(self.dtype in CODE_TYPES, "int8 or int16")
        require_limits(self.lo, self.hi, self.dtype)

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, OH, OW, C]`."""
        return infer_window(self.window, shapes[0])

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        # What stands for padding is below all codes of the input.
        lowest = self.dtype.qmin if any(self.window.pads) else self.lo
        return window_along(dataclasses.replace(self, lo=lowest), self.window, axis, self.dtype.qmin)

    def code_range(self) -> tuple[int, int]:
        """The input's, and the smallest code where a window may miss the image."""
        return self.dtype.qmin if self.window.can_miss_image else self.lo, self.hi

    def check(self, *ranges: CodeRange) -> None:
        """The limits are the input's."""
        require_inside(ranges, self.lo, self.hi)

    def run(self, *xs: Array) -> Array:
        """X `[samples, N, H, W, C]` to y `[samples, N, OH, OW, C]`."""
        (x,) = xs
        top, left, bottom, right = self.window.pads
        image = x.reshape(-1, *x.shape[2:])
        border = ((0, 0), (top, bottom), (left, right), (0, 0))
        image = np.pad(image, border, constant_values=self.dtype.qmin)
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
    dtype: DType = dataclasses.field(default=DType.INT8, metadata={OPTIONAL: True})

    kind: ClassVar[str] = "average_pool"

    def __post_init__(self) -> None:
        require(self.dtype in CODE_TYPES, "int8 or int16")
        require_codes(self.x_zero_point, dtype=self.dtype)
        require_limits(self.lo, self.hi, self.dtype)
        require(self.window.dilations == (1, 1), "a window without gaps")
        # And half of its number of taps.
        room = INT32_MAX - math.prod(self.window.kernel)
        require(-self.dtype.qmin * math.prod(self.window.kernel) <= room, "a sum in int32")

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, OH, OW, C]`."""
        return infer_window(self.window, shapes[0])

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        if not (self.count_include_pad and any(self.window.pads)):
            return window_along(self, self.window, axis, None)
        lo, hi = self.code_range()
        return window_along(dataclasses.replace(self, lo=lo, hi=hi), self.window, axis, self.x_zero_point)

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
        y: Array = np.where(total > 0, magnitude, -magnitude).astype(self.dtype.numpy)
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
    dtype: DType = dataclasses.field(default=DType.INT8, metadata={OPTIONAL: True})

    kind: ClassVar[str] = "mean"

    def __post_init__(self) -> None:
        """Check codes, and that the sum stays in int32 when it is shifted left."""
        require(self.dtype in CODE_TYPES, "int8 or int16")
        require_codes(self.x_zero_point, self.y_zero_point, dtype=self.dtype)
        require(self.dtype is DType.INT8 or self.x_zero_point == 0, "int16 around zero")
        require_limits(self.lo, self.hi, self.dtype)
        require(len(self.requant.shift) == 1, "one scale per tensor")
        largest = _largest_code(self.dtype) * math.prod(self.window.kernel)
        largest = (largest << self.requant.max_left_shift) + 256  # room for a zero point
        require(largest <= INT32_MAX, "a left shift that keeps sums in int32")

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, OH, OW, C]`."""
        return Mean(self.window).infer(*shapes)

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        return window_along(self, self.window, axis, None)

    def pieces(self, shape: Shape) -> Pieces | None:
        kept = self.x_zero_point, self.y_zero_point, self.requant, self.lo, self.hi
        is_whole = self.dtype is DType.INT8 and shape == (1, *self.window.kernel, shape[-1])
        return mean_pieces(math.prod(shape[:3]), *kept) if is_whole else None

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
        y = finish(total, self.requant, self.y_zero_point, self.lo, self.hi, self.dtype)
        return y.reshape(*x.shape[:2], *y.shape[1:])


def mean_kernel(op: Op) -> tuple[int, int] | None:
    """The window of means that have no limits; None for other operators."""
    return op.window.kernel if isinstance(op, Mean) and op.clamp.is_identity else None

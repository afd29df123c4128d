"""Operators that move values without changing them."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.channels import Bounds, Link
from mcuq.ir.integer import Rounding
from mcuq.ir.op import Op, Operand, RangeRule, ShapeError, quantize_value
from mcuq.ir.program import CodeRange, StepOp, require_inside
from mcuq.ir.types import Array, Int8, Shape, elem_count, freeze, require_codes, require_limits
from mcuq.ops.channels import ChannelwiseStep, same_channels


@dataclasses.dataclass(frozen=True, slots=True)
class Reshape(Op):
    """The same values in the same order under another shape; costs nothing on the device."""

    shape: Shape

    kind: ClassVar[str] = "reshape"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """`shape`."""
        if elem_count(shapes[0]) != elem_count(self.shape):
            raise ShapeError(f"{shapes[0]} has {elem_count(shapes[0])} elements, {self.shape} another number")
        return self.shape


@dataclasses.dataclass(frozen=True, slots=True)
class Transpose(Op):
    """Axes in another order: output axis i is input axis `perm[i]`."""

    perm: tuple[int, ...]

    kind: ClassVar[str] = "transpose"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """The permuted shape."""
        if sorted(self.perm) != list(range(len(shapes[0]))):
            raise ShapeError(f"{self.perm} does not permute the axes of {shapes[0]}")
        return tuple(shapes[0][axis] for axis in self.perm)

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> TransposeStep:
        """Codes in another order."""
        return TransposeStep(self.perm, inputs[0].lo, inputs[0].hi)


@dataclasses.dataclass(frozen=True, slots=True)
class Pad(Op):
    """A constant border around the values.

    Args:
        pads: (before, after) for every axis, not negative.
        value: the real value of the border.
    """

    pads: tuple[tuple[int, int], ...]
    value: float = 0.0

    kind: ClassVar[str] = "pad"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """The padded shape."""
        if len(self.pads) != len(shapes[0]) or any(n < 0 for pair in self.pads for n in pair):
            raise ShapeError(f"pads {self.pads} do not fit {shapes[0]}")
        return tuple(
            size + before + after for size, (before, after) in zip(shapes[0], self.pads, strict=True)
        )

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> PadStep:
        """A border of the value's code."""
        x = inputs[0]
        return PadStep(self.pads, quantize_value(self.value, x.quant), x.lo, x.hi)


@dataclasses.dataclass(frozen=True, slots=True)
class Slice(Op):
    """Every `step`-th value of each axis, from `start` to before `stop`; 0 <= start < stop <= size."""

    starts: tuple[int, ...]
    stops: tuple[int, ...]
    steps: tuple[int, ...]

    kind: ClassVar[str] = "slice"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """The sliced shape."""
        x = shapes[0]
        if not len(self.starts) == len(self.stops) == len(self.steps) == len(x) or not all(
            0 <= start < stop <= size and step >= 1
            for start, stop, step, size in zip(self.starts, self.stops, self.steps, x, strict=True)
        ):
            raise ShapeError(f"{self.starts} to {self.stops} by {self.steps} does not fit {x}")
        spans = zip(self.starts, self.stops, self.steps, strict=True)
        return tuple((stop - start + step - 1) // step for start, stop, step in spans)

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> SliceStep:
        """A part of the codes."""
        return SliceStep(self.starts, self.stops, self.steps, inputs[0].lo, inputs[0].hi)


@dataclasses.dataclass(frozen=True, slots=True)
class Concat(Op):
    """The inputs one after the other along an axis."""

    axis: int

    kind: ClassVar[str] = "concat"
    range_rule: ClassVar[RangeRule] = RangeRule.UNIFIED
    arity: ClassVar[tuple[int, int]] = (1, 1 << 16)

    def infer(self, *shapes: Shape) -> Shape:
        """The joined shape."""
        first = shapes[0]
        rest = [(*shape[: self.axis], *shape[self.axis + 1 :]) for shape in shapes]
        is_ranked = all(len(shape) == len(first) for shape in shapes)
        if not is_ranked or not 0 <= self.axis < len(first) or any(other != rest[0] for other in rest):
            raise ShapeError(f"shapes {', '.join(map(str, shapes))} do not join along axis {self.axis}")
        joined = sum(shape[self.axis] for shape in shapes)
        return (*first[: self.axis], joined, *first[self.axis + 1 :])

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> ConcatStep:
        """Codes one after the other; the scale is shared."""
        return ConcatStep(self.axis, min(x.lo for x in inputs), max(x.hi for x in inputs))


@dataclasses.dataclass(frozen=True, slots=True)
class ResizeNearest(Op):
    """y[n, i, j, c] = x[n, rows[i], cols[j], c]: nearest-neighbour resizing of any coordinate rule."""

    rows: tuple[int, ...]
    cols: tuple[int, ...]

    kind: ClassVar[str] = "resize_nearest"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, len(rows), len(cols), C]`."""
        x = shapes[0]
        if len(x) != 4 or not all(
            indices and min(indices) >= 0 and max(indices) < size
            for indices, size in ((self.rows, x[1]), (self.cols, x[2]))
        ):
            raise ShapeError(f"rows {self.rows} and columns {self.cols} do not fit {x}")
        return (x[0], len(self.rows), len(self.cols), x[3])

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> ResizeNearestStep:
        """Codes at other places."""
        return ResizeNearestStep(self.rows, self.cols, inputs[0].lo, inputs[0].hi)


class MoveStep(ChannelwiseStep):
    """A step that moves codes in [lo, hi]; it may add others.

    Every output code is one of the input's codes or a constant, so that it grows with them.
    """

    lo: int
    hi: int

    def __post_init__(self) -> None:
        """Check the limits."""
        require_limits(self.lo, self.hi)

    def check(self, *ranges: CodeRange) -> None:
        """The limits are the input's."""
        require_inside(ranges, self.lo, self.hi)


@dataclasses.dataclass(frozen=True, slots=True)
class CopyStep(ChannelwiseStep):
    """The input's codes, unchanged; where a model returns an input or the same tensor twice."""

    kind: ClassVar[str] = "copy"

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        return shapes[0]

    def code_range(self) -> tuple[int, int]:
        """All codes."""
        return -128, 127

    def run(self, *xs: Array) -> Array:
        """X `[samples, ...]`, unchanged."""
        return xs[0]


@dataclasses.dataclass(frozen=True, slots=True)
class PadStep(MoveStep):
    """A constant border of codes."""

    pads: tuple[tuple[int, int], ...]
    value: int
    lo: int
    hi: int

    kind: ClassVar[str] = "pad"

    def __post_init__(self) -> None:
        """Check the limits."""
        require_limits(self.lo, self.hi)
        require_codes(self.value)

    def infer(self, *shapes: Shape) -> Shape:
        """The padded shape."""
        return Pad(self.pads).infer(*shapes)

    def code_range(self) -> tuple[int, int]:
        """The input's and the border's."""
        return min(self.lo, self.value), max(self.hi, self.value)

    def run(self, *xs: Array) -> Array:
        """X `[samples, ...]` to y with its border."""
        return np.pad(xs[0], ((0, 0), *self.pads), constant_values=self.value)

    def links(self, *inputs: Bounds) -> tuple[Link, ...] | None:
        """Channel to channel, unless it adds channels."""
        return None if any(map(any, self.pads[-1:])) else same_channels(self, inputs)


@dataclasses.dataclass(frozen=True, slots=True)
class TransposeStep(MoveStep):
    """Axes in another order: output axis i is input axis `perm[i]`."""

    perm: tuple[int, ...]
    lo: int
    hi: int

    kind: ClassVar[str] = "transpose"

    def infer(self, *shapes: Shape) -> Shape:
        """The permuted shape."""
        return Transpose(self.perm).infer(*shapes)

    def code_range(self) -> tuple[int, int]:
        """The input's."""
        return self.lo, self.hi

    def run(self, *xs: Array) -> Array:
        """X `[samples, ...]` to y with its axes permuted."""
        return np.ascontiguousarray(xs[0].transpose(0, *(axis + 1 for axis in self.perm)))

    def links(self, *inputs: Bounds) -> tuple[Link, ...] | None:
        """Channel to channel, unless another axis becomes the channels."""
        return same_channels(self, inputs) if self.perm[-1:] == (len(self.perm) - 1,) else None


@dataclasses.dataclass(frozen=True, slots=True)
class SliceStep(MoveStep):
    """Every `step`-th code from `start` to before `stop` of each axis."""

    starts: tuple[int, ...]
    stops: tuple[int, ...]
    steps: tuple[int, ...]
    lo: int
    hi: int

    kind: ClassVar[str] = "slice"

    def infer(self, *shapes: Shape) -> Shape:
        """The sliced shape."""
        return Slice(self.starts, self.stops, self.steps).infer(*shapes)

    def code_range(self) -> tuple[int, int]:
        """The input's."""
        return self.lo, self.hi

    def run(self, *xs: Array) -> Array:
        """X `[samples, ...]` to its part."""
        spans = zip(self.starts, self.stops, self.steps, strict=True)
        return np.ascontiguousarray(xs[0][(slice(None), *(slice(*span) for span in spans))])

    def links(self, *inputs: Bounds) -> tuple[Link, ...] | None:
        """The chosen channels; every second one of what is left would be another choice."""
        if self.steps[-1:] != (1,):
            return None
        source = np.arange(self.starts[-1], self.stops[-1])
        return (Link(source, source - self.starts[-1]),)

    def select(self, inputs: Sequence[Array], output: Array, bounds: Sequence[Bounds]) -> SliceStep:
        """As many channels earlier as go before the first one."""
        start, count = int(inputs[0][: self.starts[-1]].sum()), int(output.sum())
        starts, stops = (*self.starts[:-1], start), (*self.stops[:-1], start + count)
        return dataclasses.replace(self, starts=starts, stops=stops)


@dataclasses.dataclass(frozen=True, slots=True)
class ConcatStep(MoveStep):
    """Codes of one scale, one input after the other along an axis."""

    axis: int
    lo: int
    hi: int

    kind: ClassVar[str] = "concat"

    def infer(self, *shapes: Shape) -> Shape:
        """The joined shape."""
        return Concat(self.axis).infer(*shapes)

    def code_range(self) -> tuple[int, int]:
        """The inputs' together."""
        return self.lo, self.hi

    def run(self, *xs: Array) -> Array:
        """Each x `[samples, ...]` to their union."""
        return np.concatenate(xs, axis=self.axis + 1)

    def links(self, *inputs: Bounds) -> tuple[Link, ...]:
        """Channel to channel, one input's behind the other's where channels are joined."""
        shapes = [x.lo.shape for x in inputs]
        if self.axis != len(shapes[0]) - 1:
            return same_channels(self, inputs)
        ends = itertools.accumulate(shape[-1] for shape in shapes)
        return tuple(
            Link(np.arange(shape[-1]), np.arange(end - shape[-1], end))
            for shape, end in zip(shapes, ends, strict=True)
        )


@dataclasses.dataclass(frozen=True, slots=True)
class ResizeNearestStep(MoveStep):
    """y[n, i, j, c] = x[n, rows[i], cols[j], c]."""

    rows: tuple[int, ...]
    cols: tuple[int, ...]
    lo: int
    hi: int

    kind: ClassVar[str] = "resize_nearest"

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, len(rows), len(cols), C]`."""
        return ResizeNearest(self.rows, self.cols).infer(*shapes)

    def code_range(self) -> tuple[int, int]:
        """The input's."""
        return self.lo, self.hi

    def run(self, *xs: Array) -> Array:
        """X `[samples, N, H, W, C]` to y `[samples, N, len(rows), len(cols), C]`."""
        return np.ascontiguousarray(xs[0][:, :, list(self.rows)][:, :, :, list(self.cols)])


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ConstantStep(StepOp):
    """Codes of a constant tensor, brought to where other steps can read them."""

    codes: Int8

    kind: ClassVar[str] = "constant"

    def infer(self, *shapes: Shape) -> Shape:
        """The constant's shape."""
        if shapes:
            raise ShapeError("a constant has no inputs")
        return self.codes.shape

    def code_range(self) -> tuple[int, int]:
        """The smallest and largest code."""
        return int(self.codes.min()), int(self.codes.max())

    def run(self, *xs: Array) -> Array:
        """`[1, *shape]`: without inputs there is one sample, and the simulator repeats it."""
        return self.codes[None]

    def bounds(self, *inputs: Bounds) -> Bounds:
        """The codes."""
        return Bounds(self.codes, self.codes)

    def links(self, *inputs: Bounds) -> tuple[Link, ...]:
        """It needs nothing."""
        return ()

    def select(self, inputs: Sequence[Array], output: Array, bounds: Sequence[Bounds]) -> ConstantStep:
        """Fewer codes."""
        return ConstantStep(freeze(self.codes[..., output])) if self.codes.ndim else self

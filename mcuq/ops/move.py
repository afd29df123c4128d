"""Operators that move values without changing them."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.channels import Bounds, Link
from mcuq.ir.columns import Along, NotAlong, OfColumns, Sliding
from mcuq.ir.integer import Rounding
from mcuq.ir.layout import Perm, identity, invert, permute, without_ones
from mcuq.ir.op import Clamp, Limits, NodeView, Op, Operand, RangeRule, ShapeError
from mcuq.ir.program import StepOp
from mcuq.ir.spread import Spread, Z, bell, total_moments
from mcuq.ir.traits import SelectingOp, keeps_last
from mcuq.ir.types import CODE_TYPES, Array, DType, Float64, Shape, elem_count
from mcuq.ops.channels import MoveStep, columnwise, same_channels, types_of_moved

# Larger tensors without channels are described as a whole.
_MAX_ELEMS = 1 << 14


@dataclasses.dataclass(frozen=True, slots=True)
class Reshape(SelectingOp):
    """The same values in the same order under another shape; costs nothing on the device."""

    shape: Shape

    kind: ClassVar[str] = "reshape"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (1, 1)
    is_view: ClassVar[bool] = True
    carries_wide: ClassVar[bool] = True

    def infer(self, *shapes: Shape) -> Shape:
        """`shape`."""
        if elem_count(shapes[0]) != elem_count(self.shape):
            raise ShapeError(f"{shapes[0]} has {elem_count(shapes[0])} elements, {self.shape} another number")
        return self.shape

    def keeps_axes(self, view: NodeView) -> bool:
        """Where only axes of size 1 come and go."""
        return without_ones(view.shapes[0]) == without_ones(self.shape)

    def behind_clamp(self, clamp: Clamp) -> Op | None:
        return self

    def combine(self, before: Op, source: Shape, x: Shape) -> Op | None:
        """The second one of two."""
        return self if before.is_view else None

    def is_identity(self, view: NodeView, limits: Callable[[], Limits]) -> bool:
        return self.shape == view.shapes[0]

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        """Points in the new shape; large tensors are described as a whole."""
        before, after = shapes[0], shapes[-1]
        points = inputs[0]
        if elem_count(before) > _MAX_ELEMS:
            mean, deviation = total_moments(points)
            whole = np.clip(bell(np.array(mean), np.array(deviation)), points.min(), points.max())
            return whole.reshape(-1, *[1] * len(after))
        return np.broadcast_to(points, (len(points), *before)).reshape(len(points), *after)

    def input_importance(self, y: Float64, view: NodeView) -> tuple[Float64, ...]:
        """The mean over the elements that a channel of the input becomes."""
        x = view.shapes[0]
        spread: Array = np.broadcast_to(y, view.output).reshape(x)
        return (spread.reshape(-1, *x[-1:]).mean(axis=0),)


@dataclasses.dataclass(frozen=True, slots=True)
class Transpose(SelectingOp):
    """Axes in another order: output axis i is input axis `perm[i]`."""

    perm: tuple[int, ...]

    kind: ClassVar[str] = "transpose"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (1, 1)
    takes: ClassVar[tuple[DType, ...]] = CODE_TYPES
    carries_wide: ClassVar[bool] = True

    def infer(self, *shapes: Shape) -> Shape:
        """The permuted shape."""
        if sorted(self.perm) != list(range(len(shapes[0]))):
            raise ShapeError(f"{self.perm} does not permute the axes of {shapes[0]}")
        return tuple(shapes[0][axis] for axis in self.perm)

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> TransposeStep:
        """Codes in another order."""
        return TransposeStep(self.perm, inputs[0].lo, inputs[0].hi)

    @property
    def permutation(self) -> Perm | None:
        return self.perm

    def is_identity(self, view: NodeView, limits: Callable[[], Limits]) -> bool:
        """Where no axis moves."""
        return self.perm == identity(len(self.perm))

    def keeps_channels(self, view: NodeView) -> bool:
        """Where the last axis stays."""
        return keeps_last(self.perm)

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        """Points in the new order."""
        return inputs[0].transpose(0, *(axis + 1 for axis in self.perm))


@dataclasses.dataclass(frozen=True, slots=True)
class Slice(SelectingOp):
    """Every `step`-th value of each axis, from `start` to before `stop`; 0 <= start < stop <= size."""

    starts: tuple[int, ...]
    stops: tuple[int, ...]
    steps: tuple[int, ...]

    kind: ClassVar[str] = "slice"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (1, 1)
    takes: ClassVar[tuple[DType, ...]] = (*CODE_TYPES, DType.INT32)
    carries_wide: ClassVar[bool] = True

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

    def commute_with_transpose(self, perm: Perm) -> Op | None:
        """Along the axes that were moved."""
        order = invert(perm)
        return Slice(permute(self.starts, order), permute(self.stops, order), permute(self.steps, order))

    def keeps_channels(self, view: NodeView) -> bool:
        """Where all channels are taken."""
        return view.output[-1] == view.shapes[0][-1]

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        """The points of the part."""
        cuts = zip(self.starts, self.stops, self.steps, inputs[0].shape[1:], strict=True)
        index = [slice(None) if size == 1 else slice(a, b, c) for a, b, c, size in cuts]
        return inputs[0][(slice(None), *index)]


@dataclasses.dataclass(frozen=True, slots=True)
class Concat(Op):
    """The inputs one after the other along an axis."""

    axis: int

    kind: ClassVar[str] = "concat"
    range_rule: ClassVar[RangeRule] = RangeRule.UNIFIED
    arity: ClassVar[tuple[int, int]] = (1, 1 << 16)
    takes: ClassVar[tuple[DType, ...]] = CODE_TYPES
    carries_wide: ClassVar[bool] = True

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

    def commute_with_transpose(self, perm: Perm) -> Op | None:
        """Along the axis that was moved."""
        return Concat(perm[self.axis])

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        """The points of the inputs one after the other."""
        axis = self.axis + 1
        others = np.broadcast_shapes(*((*x.shape[1:axis], *x.shape[axis + 1 :]) for x in inputs))
        parts = [
            np.broadcast_to(x, (len(Z), *others[: self.axis], shape[self.axis], *others[self.axis :]))
            for x, shape in zip(inputs, shapes, strict=False)
        ]
        return np.concatenate(parts, axis=axis)

    def input_importance(self, y: Float64, view: NodeView) -> tuple[Float64, ...]:
        """Its part for each input where channels are joined."""
        if self.axis != len(view.output) - 1:
            # Spelled out: a dataclass with slots is another class than the one that super() would mean.
            return Op.input_importance(self, y, view)
        ends = np.cumsum([shape[-1] for shape in view.shapes])[:-1]
        return tuple(np.split(y, ends))


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

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        return columnwise(self, self.perm.index(axis))

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

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """The input's, which may also be that of indices."""
        return types_of_moved(self.kind, types, self.lo, self.hi, (*CODE_TYPES, DType.INT32))

    def infer(self, *shapes: Shape) -> Shape:
        """The sliced shape."""
        return Slice(self.starts, self.stops, self.steps).infer(*shapes)

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        """Columns as they are, but for those in front and between that it leaves out."""
        start, step = self.starts[axis], self.steps[axis]
        part = zip(self.starts, self.stops, self.steps, shapes[0], strict=True)
        takes_all = all(place == axis or found[:3] == (0, found[3], 1) for place, found in enumerate(part))
        is_moved = takes_all and step == 1
        return Sliding(1, step, -start, None if is_moved else self._of_columns(axis), None, axis)

    def _of_columns(self, axis: int) -> OfColumns:
        """The same of so many columns, from the first one."""

        def resized(count: int) -> StepOp:
            starts, stops = list(self.starts), list(self.stops)
            starts[axis], stops[axis] = 0, count
            return dataclasses.replace(self, starts=tuple(starts), stops=tuple(stops))

        return resized

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

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        if axis != self.axis:
            return columnwise(self, axis)
        return NotAlong(
            "it puts windows one behind the other in time",
            "join along channels, or let the model take its past as an input: --state IN:OUT",
        )

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

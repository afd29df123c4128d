"""Channel rules that several integer operators share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcuq.ir.channels import Bounds, Link, channel_count
from mcuq.ir.columns import SPLIT_IT, Along, Columnwise, NotAlong
from mcuq.ir.program import CodeRange, StepOp, require_inside, require_types
from mcuq.ir.types import CODE_TYPES, Array, DType, Shape, require, require_limits


class ChannelwiseStep(StepOp):
    """A step that computes each channel from the same channel of its inputs and grows with every code.

    That an operator is so is a property of its `run`: larger input codes never give a smaller output code.
    """

    def bounds(self, *inputs: Bounds) -> Bounds:
        """Those of a monotone operator: the outputs at both ends."""
        return monotone_bounds(self, inputs)

    def links(self, *inputs: Bounds) -> tuple[Link, ...] | None:
        return same_channels(self, inputs)


class ElementwiseStep(ChannelwiseStep):
    """A step of one input that computes each element from the same element."""

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        return columnwise(self, axis)


def columnwise(op: StepOp, axis: int) -> Columnwise:
    """A step that takes any number of columns as it is."""
    return Columnwise(axis, lambda _: op)


def elementwise_along(op: StepOp, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
    """`StepOp.along` of steps that compute each element from the same element of their broadcast inputs."""
    rank = max(map(len, shapes))
    return columnwise(op, axis + rank - len(shapes[position]))


def row_along(op: StepOp, axis: int, shape: Shape) -> Along:
    """`StepOp.along` of steps that compute each row of the last axis from the same row."""
    if axis < len(shape) - 1:
        return columnwise(op, axis)
    return NotAlong(f"{op.kind} goes over all columns of a window", SPLIT_IT)


class MoveStep(ChannelwiseStep):
    """A step that moves codes in [lo, hi]; it may add others.

    Every output code is one of the input's codes or a constant, so that it grows with them.
    """

    lo: int
    hi: int

    def __post_init__(self) -> None:
        """Check the limits as far as that goes without the input's type."""
        require_limits(self.lo, self.hi, DType.INT32)

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """The inputs', whose codes the limits are."""
        return types_of_moved(self.kind, types, self.lo, self.hi)

    def check(self, *ranges: CodeRange) -> None:
        """The limits are the input's."""
        require_inside(ranges, self.lo, self.hi)


def types_of_moved(
    kind: str, types: Sequence[DType], lo: int, hi: int, taken: Sequence[DType] = CODE_TYPES
) -> tuple[DType, ...]:
    """The type of codes that move, which all inputs share.

    Raises:
        ValueError: for types that are not taken, that differ, or that do not hold the limits.
    """
    require_types(kind, types, *taken)
    require(len({*types}) == 1, f"{kind} inputs of one type")
    require_limits(lo, hi, types[0])
    return (types[0],)


def monotone_bounds(op: StepOp, inputs: Sequence[Bounds]) -> Bounds:
    """Bounds of an operator that grows with every input code."""
    return Bounds(at_codes(op, *(x.lo for x in inputs)), at_codes(op, *(x.hi for x in inputs)))


def known_bounds(op: StepOp, inputs: Sequence[Bounds]) -> Bounds:
    """Bounds of an operator of single elements that need not grow: exact where all that is read is known."""
    y = at_codes(op, *(x.lo for x in inputs))
    known = np.ones(y.shape, bool)
    for x in inputs:
        known &= x.lo == x.hi
    lo, hi = op.code_range()
    return Bounds(*(np.where(known, y, code).astype(y.dtype) for code in (lo, hi)))


def at_codes(op: StepOp, *codes: Array) -> Array:
    """The output `[*shape]` for one sample of every input."""
    y: Array = op.run(*(x[None] for x in codes))[0]
    return y


def same_channels(op: StepOp, inputs: Sequence[Bounds]) -> tuple[Link, ...]:
    """Links from every channel to itself; an input that is broadcast along channels is read by all."""
    shapes = [x.lo.shape for x in inputs]
    count = channel_count(op.infer(*shapes))
    every = np.arange(count)
    return tuple(
        Link(every, every) if channel_count(shape) == count else Link(np.zeros_like(every), every, False)
        for shape in shapes
    )

"""A mean over a whole image whose rows come in strips: sums that grow, and the mean of the last."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from mcuq.ir.columns import Pieces
from mcuq.ir.integer import INT32_MAX, Requant
from mcuq.ir.op import ShapeError
from mcuq.ir.program import StepOp, require_types
from mcuq.ir.types import Array, DType, Shape, require, require_codes, require_limits
from mcuq.ops.weighted import finish


def _sums_shape(x: Shape) -> Shape:
    if len(x) != 4 or x[0] != 1:
        raise ShapeError(f"input must be one image, found {x}")
    return (1, 1, 1, x[3])


@dataclasses.dataclass(frozen=True, slots=True)
class SumRowsStep(StepOp):
    """The sum of all codes of each channel, int32: `sum q`.

    Source: docs/numerics.md, the table of operators.

    Args:
        limit: what no sum exceeds in magnitude, nor a later one to which rows are added.
    """

    limit: int

    kind: ClassVar[str] = "sum_rows"

    def __post_init__(self) -> None:
        """Check that it is one of int32."""
        require(0 < self.limit <= INT32_MAX // 2, "a limit of sums")

    def infer(self, *shapes: Shape) -> Shape:
        """`[1, 1, 1, C]` for `[1, H, W, C]`."""
        return _sums_shape(shapes[0])

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """int32 for int8."""
        require_types(self.kind, types, DType.INT8)
        return (DType.INT32,)

    def code_range(self) -> tuple[int, int]:
        """Within the limit."""
        return -self.limit, self.limit

    def run(self, *xs: Array) -> Array:
        """X `[samples, 1, H, W, C]` to y `[samples, 1, 1, 1, C]`."""
        y: Array = xs[0].sum(axis=(2, 3), keepdims=True, dtype=np.int32)
        return y


@dataclasses.dataclass(frozen=True, slots=True)
class AddRowsStep(StepOp):
    """Sums to which those of more rows are added: `clamp(before, -limit, limit) + sum q`.

    No sum leaves the limits; they are there for whatever `before` might hold.
    Source: docs/numerics.md, the table of operators.
    """

    limit: int

    kind: ClassVar[str] = "add_rows"
    in_place_inputs: ClassVar[tuple[int, ...]] = (0,)

    def __post_init__(self) -> None:
        """Check that it is one of int32."""
        require(0 < self.limit <= INT32_MAX // 2, "a limit of sums")

    def infer(self, *shapes: Shape) -> Shape:
        """`[1, 1, 1, C]` for sums and `[1, H, W, C]`."""
        before, x = shapes
        if before != _sums_shape(x):
            raise ShapeError(f"sums {before} are not those of an image {x}")
        return before

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """int32 for int32 and int8."""
        require_types(self.kind, types[:1], DType.INT32)
        require_types(self.kind, types[1:], DType.INT8)
        return (DType.INT32,)

    def code_range(self) -> tuple[int, int]:
        """Within the limit, and as much again."""
        return -2 * self.limit, 2 * self.limit

    def run(self, *xs: Array) -> Array:
        """Sums `[samples, 1, 1, 1, C]` and x `[samples, 1, H, W, C]` to sums."""
        before = np.clip(xs[0], -self.limit, self.limit).astype(np.int32)
        y: Array = before + xs[1].sum(axis=(2, 3), keepdims=True, dtype=np.int32)
        return y


@dataclasses.dataclass(frozen=True, slots=True)
class MeanOfSumStep(StepOp):
    """The mean of codes whose sum is known: `clamp(rq(clamp(sum, -limit, limit) - offset) + zy, lo, hi)`.

    Source: docs/numerics.md, the table of operators.

    Args:
        limit: what no sum exceeds in magnitude.
        offset: the sum of so many zero points.
        y_zero_point: of the output.
        requant: from sums to the output.
        lo: smallest output code.
        hi: largest one.
    """

    limit: int
    offset: int
    y_zero_point: int
    requant: Requant
    lo: int
    hi: int

    kind: ClassVar[str] = "mean_of_sum"

    def __post_init__(self) -> None:
        """Check codes, and that differences stay in int32 when they are shifted left."""
        require_codes(self.y_zero_point)
        require_limits(self.lo, self.hi)
        require(len(self.requant.shift) == 1, "one scale per tensor")
        most = self.limit + abs(self.offset)
        require(0 < most << self.requant.max_left_shift <= INT32_MAX - 256, "sums in int32")

    def infer(self, *shapes: Shape) -> Shape:
        """That of the sums."""
        return shapes[0]

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """int8 for int32."""
        require_types(self.kind, types, DType.INT32)
        return (DType.INT8,)

    def code_range(self) -> tuple[int, int]:
        """The clamp's limits."""
        return self.lo, self.hi

    def run(self, *xs: Array) -> Array:
        """Sums `[samples, ..., C]` to y of the same shape."""
        sums = np.clip(xs[0].astype(np.int64), -self.limit, self.limit) - self.offset
        return finish(sums, self.requant, self.y_zero_point, self.lo, self.hi)


def mean_pieces(
    taps: int, x_zero_point: int, y_zero_point: int, requant: Requant, lo: int, hi: int
) -> Pieces | None:
    """A mean as sums of rows and the mean of the last; None where that would not stay in int32.

    Args:
        taps: codes of the whole image, of a channel.
        x_zero_point: of the input.
        y_zero_point: of the output.
        requant: from sums to the output.
        lo: smallest output code.
        hi: largest one.
    """
    limit = 128 * taps
    if 2 * limit << requant.max_left_shift > INT32_MAX - 256:
        return None
    last = MeanOfSumStep(limit, x_zero_point * taps, y_zero_point, requant, lo, hi)
    return Pieces(lambda _: SumRowsStep(limit), lambda _: AddRowsStep(limit), last)

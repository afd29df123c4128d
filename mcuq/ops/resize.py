"""Resizing of images, by nearest neighbours and linear."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.integer import Rounding, round_half_away
from mcuq.ir.op import Op, Operand, RangeRule, ShapeError
from mcuq.ir.program import CodeRange, require_inside
from mcuq.ir.spread import Spread, over_positions
from mcuq.ir.traits import SelectingOp
from mcuq.ir.types import CODE_TYPES, Array, DType, Shape, require, require_limits
from mcuq.ops.channels import ChannelwiseStep, MoveStep

# Weights of neighbours sum to this: as many bits as TensorFlow Lite takes.
WEIGHT_ONE = 1 << 10


@dataclasses.dataclass(frozen=True, slots=True)
class ResizeNearest(SelectingOp):
    """y[n, i, j, c] = x[n, rows[i], cols[j], c]: nearest-neighbour resizing of any coordinate rule."""

    rows: tuple[int, ...]
    cols: tuple[int, ...]

    kind: ClassVar[str] = "resize_nearest"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (1, 1)
    takes: ClassVar[tuple[DType, ...]] = CODE_TYPES
    carries_wide: ClassVar[bool] = True

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

    def moving_axis(self, image: Shape) -> int | None:
        """W where all rows stay, H where all columns do."""
        if self.rows == tuple(range(image[1])):
            return 2
        return 1 if self.cols == tuple(range(image[2])) else None

    def along_columns(self, axis: int, rows: int) -> Op:
        """All rows as they are."""
        return ResizeNearest(tuple(range(rows)), self.cols if axis == 2 else self.rows)

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        """What a value may be stays."""
        return over_positions(inputs[0])


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


@dataclasses.dataclass(frozen=True, slots=True)
class ResizeLinear(SelectingOp):
    """y[n, i, j, c] is x at row `rows[i]` and column `cols[j]`, linear between neighbours.

    Args:
        rows: places in the input, at least 0 and at most its last row.
        cols: likewise.
    """

    rows: tuple[float, ...]
    cols: tuple[float, ...]

    kind: ClassVar[str] = "resize_linear"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, len(rows), len(cols), C]`."""
        x = shapes[0]
        if len(x) != 4 or not all(
            places and min(places) >= 0 and max(places) <= size - 1
            for places, size in ((self.rows, x[1]), (self.cols, x[2]))
        ):
            raise ShapeError(f"{len(self.rows)} rows and {len(self.cols)} columns do not lie in {x}")
        return (x[0], len(self.rows), len(self.cols), x[3])

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> ResizeLinearStep:
        """Weights in 1024ths."""
        axes = Neighbours.at(self.rows), Neighbours.at(self.cols)
        return ResizeLinearStep(*axes, inputs[0].lo, inputs[0].hi)

    def moving_axis(self, image: Shape) -> int | None:
        """W where all rows stay, H where all columns do."""
        if self.rows == tuple(range(image[1])):
            return 2
        return 1 if self.cols == tuple(range(image[2])) else None

    def along_columns(self, axis: int, rows: int) -> Op:
        """All rows as they are."""
        return ResizeLinear(tuple(range(rows)), self.cols if axis == 2 else self.rows)

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        return over_positions(inputs[0])


@dataclasses.dataclass(frozen=True, slots=True)
class Neighbours:
    """The two values of an axis that each new one lies between.

    Args:
        first: index of the first.
        weight: of the one behind it, in 1024ths and less than 1; the first has the rest.
    """

    first: tuple[int, ...]
    weight: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check that both are there, and the weights."""
        require(len(self.first) == len(self.weight) > 0, "a weight for every index")
        require(min(self.first) >= 0, "indices from 0 on")
        require(min(self.weight) >= 0 and max(self.weight) < WEIGHT_ONE, f"weights below {WEIGHT_ONE}")

    @classmethod
    def at(cls, places: Sequence[float]) -> Neighbours:
        """Those of real places.

        >>> Neighbours.at((0.25, 2.9999))
        Neighbours(first=(0, 3), weight=(256, 0))
        """
        fixed = [round_half_away(place * WEIGHT_ONE) for place in places]
        return cls(tuple(each // WEIGHT_ONE for each in fixed), tuple(each % WEIGHT_ONE for each in fixed))

    @property
    def size(self) -> int:
        """The fewest values of an axis that has them all."""
        return max(first + (weight > 0) for first, weight in zip(self.first, self.weight, strict=True)) + 1

    def mix(self, x: Array, axis: int) -> Array:
        """Sums of neighbours along an axis of whole numbers, times `WEIGHT_ONE`."""
        shape = [-1 if each == axis else 1 for each in range(x.ndim)]
        first, weight = np.array(self.first), np.array(self.weight, x.dtype).reshape(shape)
        behind = np.minimum(first + 1, x.shape[axis] - 1)  # the last one has none, and no weight for it
        mixed: Array = x.take(first, axis) * (WEIGHT_ONE - weight) + x.take(behind, axis) * weight
        return mixed


@dataclasses.dataclass(frozen=True, slots=True)
class ResizeLinearStep(ChannelwiseStep):
    """Codes between four neighbours: `acc = sum u[r] v[c] x[r, c]`, divided by 2^20, ties away from code 0.

    Weights u and v are whole 1024ths that sum to 1024. Source: docs/numerics.md, the table of operators.
    """

    rows: Neighbours
    cols: Neighbours
    lo: int
    hi: int

    kind: ClassVar[str] = "resize_linear"

    def __post_init__(self) -> None:
        require_limits(self.lo, self.hi)

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, len(rows), len(cols), C]`."""
        x = shapes[0]
        if len(x) != 4 or self.rows.size > x[1] or self.cols.size > x[2]:
            raise ShapeError(f"{self.rows.size} rows and {self.cols.size} columns do not fit {x}")
        return (x[0], len(self.rows.first), len(self.cols.first), x[3])

    def code_range(self) -> CodeRange:
        """The input's."""
        return self.lo, self.hi

    def check(self, *ranges: CodeRange) -> None:
        """The limits are the input's."""
        require_inside(ranges, self.lo, self.hi)

    def run(self, *xs: Array) -> Array:
        """X `[samples, N, H, W, C]` to y `[samples, N, len(rows), len(cols), C]`."""
        acc = self.rows.mix(self.cols.mix(xs[0].astype(np.int32), 3), 2)
        half = np.int32(WEIGHT_ONE * WEIGHT_ONE // 2)
        away = (np.abs(acc) + half) // (WEIGHT_ONE * WEIGHT_ONE)
        return (np.sign(acc) * away).astype(np.int8)

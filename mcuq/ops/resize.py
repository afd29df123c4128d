"""Nearest-neighbour resizing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.integer import Rounding
from mcuq.ir.op import Op, Operand, RangeRule, ShapeError
from mcuq.ir.spread import Spread, over_positions
from mcuq.ir.traits import SelectingOp
from mcuq.ir.types import Array, Shape
from mcuq.ops.channels import MoveStep


@dataclasses.dataclass(frozen=True, slots=True)
class ResizeNearest(SelectingOp):
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

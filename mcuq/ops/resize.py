"""Nearest-neighbour resizing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.integer import Rounding
from mcuq.ir.op import Op, Operand, RangeRule, ShapeError
from mcuq.ir.types import Array, Shape
from mcuq.ops.channels import MoveStep


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

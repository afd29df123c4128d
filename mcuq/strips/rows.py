"""Which rows of its inputs a step needs for rows of its output."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeAlias, cast

from mcuq.ir.columns import Along, Columnwise, Pieces, Sliding
from mcuq.ir.program import Program, Step, StepOp
from mcuq.ir.types import Shape

# A step for so many rows of its first input, with rows of padding above and below.
OfRows: TypeAlias = Callable[[int, int, int], StepOp]


@dataclasses.dataclass(frozen=True, slots=True)
class RowWindow:
    """Rows [first, last) of an input, with rows of padding above and below them."""

    first: int
    last: int
    top: int = 0
    bottom: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Reads:
    """How rows of an output need rows of an input: row r needs `reach` from `r stride - before` on.

    Args:
        reach: rows from the first to the last that it needs.
        stride: rows from one output to the next.
        before: rows of padding above the input.
        rows: of the input.
        is_whole: whether every row needs all of the input, as a broadcast operand.
    """

    reach: int
    stride: int
    before: int
    rows: int
    is_whole: bool = False

    def window(self, first: int, last: int) -> RowWindow:
        """What rows [first, last) of the output need.

        >>> Reads(3, 2, 1, 8).window(0, 2), Reads(3, 1, 1, 8).window(7, 8)
        (RowWindow(first=0, last=4, top=1, bottom=0), RowWindow(first=6, last=8, top=0, bottom=1))
        """
        if self.is_whole:
            return RowWindow(0, self.rows)
        start = first * self.stride - self.before
        end = (last - 1) * self.stride - self.before + self.reach
        inside = self.first(first), self.last(last)
        return RowWindow(*inside, inside[0] - start, end - inside[1])

    def first(self, row: int) -> int:
        """The first row that a row of the output needs."""
        return 0 if self.is_whole else max(row * self.stride - self.before, 0)

    def last(self, row: int) -> int:
        """Behind the last row that rows of the output before `row` need."""
        if self.is_whole:
            return self.rows
        return min((row - 1) * self.stride - self.before + self.reach, self.rows)


@dataclasses.dataclass(frozen=True, slots=True)
class RowStep:
    """A step that can be computed row by row.

    Args:
        reads: per input.
        rows: of the output.
        make: gives the step for a strip.
        pieces: of a step that needs all rows and takes them as they come; its rows are those of its input.
    """

    reads: tuple[Reads, ...]
    rows: int
    make: OfRows
    pieces: Pieces | None = None

    def windows(self, first: int, last: int) -> tuple[RowWindow, ...]:
        """What rows [first, last) of the output need, per input."""
        return tuple(each.window(first, last) for each in self.reads)


def row_axis(shape: Shape) -> int | None:
    """The axis along which a tensor's memory is a sequence of rows; None for one without rows.

    >>> row_axis((1, 8, 8, 4)), row_axis((1, 1, 30, 4)), row_axis((1, 64)), row_axis((2, 8, 8, 4))
    (1, 2, None, 0)
    """
    axis = next((axis for axis, size in enumerate(shape) if size > 1), len(shape))
    return axis if axis < len(shape) - 1 else None


def row_step(program: Program, step: Step, axis: int) -> RowStep | None:
    """How a step is computed row by row along an axis; None for one that cannot be."""
    if len(step.outputs) != 1 or not step.inputs:
        return None
    y = program.tensors[step.output].shape
    shapes = [program.tensors[tensor].shape for tensor in step.inputs]
    pieces = step.op.pieces(shapes[0])
    if pieces is not None:
        first, rows = pieces.first, shapes[0][axis]
        return RowStep((Reads(1, 1, 0, rows),), rows, lambda count, *_: cast(StepOp, first(count)), pieces)
    if any(len(shape) != len(y) or set(shape[:axis]) - {1} for shape in (*shapes, y)) or axis >= len(y) - 1:
        return None
    founds = [step.op.along(position, axis, shapes) for position in range(len(shapes))]
    reads = [_reads(found, shape[axis], y[axis], axis) for found, shape in zip(founds, shapes, strict=True)]
    known = tuple(each for each in reads if each is not None)
    make = next(
        (_maker(found) for found, each in zip(founds, known, strict=False) if not each.is_whole), None
    )
    if len(known) < len(reads) or make is None:
        return None
    row = RowStep(known, y[axis], make)
    return row if _is_sound(row) else None


def _reads(found: Along, rows: int, out: int, axis: int) -> Reads | None:
    match found:
        case Columnwise(axis=given) if given == axis:
            return Reads(1, 1, 0, rows, is_whole=rows != out)
        case Sliding(bordered=bordered, axis=given) if given == axis and bordered is not None:
            return Reads(found.reach, found.stride, found.before, rows)
    return None


def _maker(found: Along) -> OfRows:
    match found:
        case Columnwise():
            op = found.op
            return lambda rows, top, bottom: cast(StepOp, op(rows))
        case Sliding(bordered=bordered) if bordered is not None:
            return lambda rows, top, bottom: cast(StepOp, bordered(top, bottom))
    raise AssertionError(found)


def _is_sound(step: RowStep) -> bool:
    """Whether every row sees a row of every input, and all of them are moved alike."""
    windows = [step.windows(row, row + 1) for row in range(step.rows)]
    return all(window.first < window.last for each in windows for window in each)

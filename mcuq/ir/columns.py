"""What a step does along one axis, that of time: how models become streams of columns (docs/adr/0012)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeAlias

# A `StepOp` for so many columns of its input; its module is behind this one.
OfColumns: TypeAlias = Callable[[int], object]
# The same with padding: columns in front, columns behind.
Bordered: TypeAlias = Callable[[int, int], object]


@dataclasses.dataclass(frozen=True, slots=True)
class Columnwise:
    """Column t of the output needs column t of the input alone.

    Args:
        axis: of the output along which its columns lie.
        op: gives the step for so many columns.
    """

    axis: int
    op: OfColumns


@dataclasses.dataclass(frozen=True, slots=True)
class Sliding:
    """Column j of the output needs `reach` columns of the input, from column `j stride - before` on.

    Args:
        reach: columns from the first to the last that it needs.
        stride: columns from one output to the next.
        before: columns in front of the first one that the first output needs; negative: it skips so many.
        op: gives the step for so many columns of the input, which computes as many as fit, from the first one
            on and with nothing around them; None where the output is the columns themselves.
        fill: the code of columns in front of the first one; None where it does not matter or there is none.
        axis: of input and output.
        bordered: gives `op` with so many columns of padding in front and behind; None where it has none.
    """

    reach: int
    stride: int
    before: int
    op: OfColumns | None
    fill: int | None
    axis: int
    bordered: Bordered | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class WholeTime:
    """The step needs all columns of a window at once, and can be given them."""


@dataclasses.dataclass(frozen=True, slots=True)
class NotAlong:
    """The step cannot be part of a stream.

    Args:
        why: what it does along the axis.
        fix: the nearest way round.
    """

    why: str
    fix: str


@dataclasses.dataclass(frozen=True, slots=True)
class Pieces:
    """A step over all columns that can be given some of them after the other.

    Args:
        first: gives the step from the first columns to what is kept of them.
        more: likewise from that and more columns to what is kept of all.
        last: the step from that to the output.
    """

    first: OfColumns
    more: OfColumns
    last: object


Along: TypeAlias = Columnwise | Sliding | WholeTime | NotAlong

SPLIT_IT = "end the streamed model in front of it, and run the rest as a model of its own"

"""Where the columns of a tensor stand in time."""

from __future__ import annotations

import dataclasses
import math

from mcuq.ir.columns import Sliding
from mcuq.ir.types import Shape


@dataclasses.dataclass(frozen=True, slots=True)
class Timeline:
    """The columns of a tensor of the whole window, and which of them a run of the stream computes.

    Column 0 is the window's first if the window begins where the stream did. Run m computes columns
    `m * per_run - delay` to `(m + 1) * per_run - delay - 1`.

    Args:
        axis: of the tensor.
        columns: of the whole window.
        per_run: how many a run computes.
        delay: how many columns behind the newest input its last one is; negative: how many it is ahead.
        head: so many columns of a window depend on padding in front of it, where a stream has its past.
        good: columns from here on depend on padding behind the window, where a stream has its future.
        head_by: the step with that padding.
        good_by: likewise.
        fill: the code of columns that come before the first one; None where it does not matter.
    """

    axis: int
    columns: int
    per_run: int
    delay: int
    head: int
    good: int
    head_by: str = ""
    good_by: str = ""
    fill: int | None = None

    def beside(self, other: Timeline) -> Timeline:
        """Of what is computed from both, column by column."""
        worst = min((self, other), key=lambda each: each.good)
        first = max((self, other), key=lambda each: each.head)
        return dataclasses.replace(
            self,
            delay=max(self.delay, other.delay),
            head=first.head,
            head_by=first.head_by,
            good=worst.good,
            good_by=worst.good_by,
            fill=None,
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Slide:
    """How a step that slides over columns does so in a stream.

    Args:
        past: so many columns of earlier runs stand in front of those of this one; negative: it skips so many.
        count: columns that it is given.
        line: of what it computes; of one column of a window: one a run.
    """

    past: int
    count: int
    line: Timeline


def slide(line: Timeline, found: Sliding, columns: int, name: str) -> Slide:
    """Lay the windows of a step over a stream.

    Args:
        line: of its input; `per_run` is a multiple of its stride, or `columns` is 1.
        found: what it does.
        columns: of its output in the whole window.
        name: of the step.
    """
    # Of a window that gives one column there is one window a run.
    stride = line.per_run if columns == 1 else found.stride
    reach, before = found.reach, found.before
    delay = -((line.delay + reach - before) // -stride) - 1
    past = delay * stride + before - line.delay
    unused = (delay + 1) * stride + before - reach - line.delay
    assert 0 <= unused < stride and line.per_run % stride == 0, (line, found)
    head = max(0, -((line.head + before) // -found.stride))
    good = max(0, min(columns, (line.good - reach + before) // found.stride + 1))
    # What it skips at the end of a window, a stream takes for the next columns.
    out = Timeline(
        axis=found.axis,
        columns=columns,
        per_run=line.per_run // stride,
        delay=delay,
        head=head,
        good=good,
        head_by=line.head_by or (name if head else ""),
        good_by=line.good_by or (name if good < columns else ""),
        fill=found.fill if found.op is None else None,
    )
    return Slide(past, reach if columns == 1 else past + line.per_run, out)


def same_axis(shape: Shape, axis: int, view: Shape) -> int | None:
    """The axis of a reshaped tensor along which the values of an axis lie, None where there is no such."""
    size, before = shape[axis], math.prod(shape[:axis])
    for place, other in enumerate(view):
        if other == size and math.prod(view[:place]) == before:
            return place
    return None


def merged_axis(shape: Shape, axis: int, view: Shape) -> int | None:
    """The axis of a reshaped tensor into which an axis went with others, None where it was cut."""
    before = math.prod(shape[:axis])
    behind = before * shape[axis]
    for place in range(len(view)):
        start, stop = math.prod(view[:place]), math.prod(view[: place + 1])
        if start <= before and stop >= behind and before % start == 0 and stop % behind == 0:
            return place
    return None

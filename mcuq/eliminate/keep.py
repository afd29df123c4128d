"""Which channels have to stay: what the outputs need, and what cannot be taken apart from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from mcuq.eliminate.bounds import view_bounds
from mcuq.ir.channels import Bounds, Link, channel_count
from mcuq.ir.program import Program, Step, StepOp
from mcuq.ir.types import Array, Int64

MultipleOf: TypeAlias = Callable[[StepOp], int]


def kept_channels(
    program: Program, bounds: Mapping[int, Bounds], multiple_of: MultipleOf
) -> tuple[Array, ...]:
    """For every tensor which of its channels stay, bool `[channels]`.

    The channels of inputs, outputs and state stay, and so does what they need by the steps' links; the least
    set that is closed so, with one channel for tensors that would have none, and some for kernels that want
    more.

    Args:
        program: stored or just lowered.
        bounds: of `program_bounds`.
        multiple_of: what the channels of an operator's inputs should be a multiple of.
    """
    marks = KeptChannels(program)
    linked: list[tuple[Step, Sequence[Link]]] = []
    for step in reversed(program.steps):
        links = step.op.links(*(view_bounds(program, bounds, tensor) for tensor in step.inputs))
        if links is None:
            marks.mark_all((*step.inputs, *step.outputs))
        else:
            linked.append((step, links))
    marks.mark_all([port.tensor for port in (*program.inputs, *program.outputs)])
    marks.mark_all([tensor for state in program.state for tensor in (state.before, state.after)])
    marks.spread(linked)
    while marks.mark_missing() or any(_fill_up(marks, step, linked, multiple_of) for step, _ in linked):
        marks.spread(linked)
    return tuple(marks.of(tensor) for tensor in range(len(program.tensors)))


def _fill_up(
    marks: KeptChannels, step: Step, linked: Sequence[tuple[Step, Sequence[Link]]], multiple_of: MultipleOf
) -> bool:
    """Mark channels of a step's input that cost least to compute; False where it has as many as it should."""
    multiple = multiple_of(step.op)
    return any(marks.fill_up(tensor, multiple, linked) for tensor in step.inputs) if multiple > 1 else False


class KeptChannels:
    """Marks on channels that stay.

    Tensors of one storage share their marks: a channel is one of as many that every view has whole multiples
    of them, so that a flattened image repeats the channels of the image.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        counts: dict[int, int] = {}
        for tensor in program.tensors:
            counts[tensor.storage] = math.gcd(counts.get(tensor.storage, 0), channel_count(tensor.shape))
        self._marks = {storage: np.zeros(count, np.bool_) for storage, count in counts.items()}

    def of(self, tensor: int) -> Array:
        """The marks of a tensor's channels, bool `[channels]`."""
        mine = self._marks[self._program.storage(tensor)]
        return np.resize(mine, channel_count(self._program.tensors[tensor].shape))

    def mark_all(self, tensors: Sequence[int]) -> None:
        """Every channel of these stays."""
        for tensor in tensors:
            self._marks[self._program.storage(tensor)][:] = True

    def mark_missing(self) -> bool:
        """Mark a channel of the last tensor that has no mark; False where all have one."""
        for storage in sorted(self._marks, reverse=True):
            if not self._marks[storage].any():
                self._marks[storage][0] = True
                return True
        return False

    def fill_up(self, tensor: int, multiple: int, linked: Sequence[tuple[Step, Sequence[Link]]]) -> bool:
        """Mark channels until a tensor has a multiple of them, first those that need least themselves.

        Returns:
            Whether there were some to mark: not where it has that many, or cannot.
        """
        mine = self._marks[self._program.storage(tensor)]
        free = np.nonzero(~mine)[0]
        missing = -int(mine.sum()) % multiple
        if not 0 < missing <= len(free):
            return False
        cost = self._missing_sources(tensor, linked)[free]
        mine[free[np.argsort(cost, kind="stable")[:missing]]] = True
        return True

    def _missing_sources(self, tensor: int, linked: Sequence[tuple[Step, Sequence[Link]]]) -> Int64:
        """For each channel of a tensor how many unmarked channels its step needs for it."""
        found = np.zeros(len(self._marks[self._program.storage(tensor)]), np.int64)
        for step, links in linked:
            if self._program.storage(step.output) == self._program.storage(tensor):
                for source, link in zip(step.inputs, links, strict=True):
                    x, sources = self._place(source, link.source)
                    np.add.at(found, link.target[~x[sources]] % len(found), 1)
        return found

    def spread(self, linked: Sequence[tuple[Step, Sequence[Link]]]) -> None:
        """Mark what marked channels need, until nothing is added.

        Args:
            linked: steps with their links, the last ones first.
        """
        before = -1
        while before != (before := sum(int(mark.sum()) for mark in self._marks.values())):
            for step, links in linked:
                for tensor, link in zip(step.inputs, links, strict=True):
                    self._follow(tensor, step.output, link)

    def _follow(self, tensor: int, output: int, link: Link) -> None:
        (x, source), (y, target) = self._place(tensor, link.source), self._place(output, link.target)
        x[source[y[target]]] = True
        if link.is_mutual:
            y[target[x[source]]] = True

    def _place(self, tensor: int, channels: Int64) -> tuple[Array, Int64]:
        """The marks that a tensor shares, and where in them some of its channels are."""
        mine = self._marks[self._program.storage(tensor)]
        return mine, channels % len(mine)

"""A program with some of its layers in strips: the same steps on rows, which lie in buffers of few rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import cast

from mcuq.ir.parts import Part
from mcuq.ir.program import Program, ProgramTensor, Step, StepOp
from mcuq.ir.types import QuantParams, Shape
from mcuq.ops.constant import copy_of
from mcuq.strips.rows import RowWindow
from mcuq.strips.schedule import Firing, RowBlock, RowSchedule, find_block


@dataclasses.dataclass(frozen=True, slots=True)
class Cut:
    """A block to compute in strips.

    Args:
        first: its first step.
        last: the step behind its last one.
        quanta: per step of it, how many rows are computed at a time.
        again: its steps whose rows are computed again for each strip that needs them, rather than kept.
    """

    first: int
    last: int
    quanta: tuple[int, ...]
    again: frozenset[int] = frozenset()


def cut_program(program: Program, cuts: Sequence[Cut]) -> Program:
    """The same program with blocks in strips.

    Args:
        program: without strips.
        cuts: blocks that do not overlap, in order; all can be cut.
    """
    writer = _Writer(program)
    position = 0
    for cut in cuts:
        for number in range(position, cut.first):
            writer.keep(number)
        block = find_block(program, cut.first, cut.last)
        assert block is not None, cut
        writer.block(block, dict(zip(range(cut.first, cut.last), cut.quanta, strict=True)), cut.again)
        position = cut.last
    for number in range(position, len(program.steps)):
        writer.keep(number)
    return dataclasses.replace(program, tensors=tuple(writer.tensors), steps=tuple(writer.steps))


@dataclasses.dataclass(slots=True)
class _Buffer:
    """Where some rows of a value lie: all of them, or those from `base` on.

    Args:
        storage: the tensor that owns the memory.
        rows: it has room for.
        base: the row of the value that lies first.
        last: behind the last row that it holds.
    """

    storage: int
    rows: int
    base: int = 0
    last: int = 0


class _Writer:
    """Collects tensors and steps; those of the program keep their numbers."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.tensors = list(program.tensors)
        self.steps: list[Step] = []
        self._known: dict[tuple[int, int, Part, Shape], int] = {}
        # Of steps that take rows as they come, what they hold of those that came.
        self._kept: dict[int, int] = {}
        self._ops: dict[tuple[int, int, int, int], StepOp] = {}

    def keep(self, number: int) -> None:
        """A step as it is."""
        self.steps.append(dataclasses.replace(self.program.steps[number], layer=number))

    def block(self, block: RowBlock, quanta: Mapping[int, int], again: frozenset[int]) -> None:
        """A block's steps, strip by strip."""
        schedule = RowSchedule(self.program, block, quanta, again)
        schedule.run()
        buffers = {
            storage: _Buffer(self._room(block, storage, rows), rows)
            for storage, rows in schedule.capacity.items()
        }
        for firing in schedule.firings:
            if block.steps[firing.step].pieces is None:
                self._fire(block, firing, buffers)
            else:
                self._gather(block, firing, buffers)

    def _room(self, block: RowBlock, storage: int, rows: int) -> int:
        """A tensor for some rows of a value."""
        tensor, number = self.program.tensors[storage], len(self.tensors)
        self.tensors.append(
            dataclasses.replace(tensor, shape=_with_rows(tensor.shape, block.axis, rows), storage=number)
        )
        return number

    def _fire(self, block: RowBlock, firing: Firing, buffers: Mapping[int, _Buffer]) -> None:
        step, row = self.program.steps[firing.step], block.steps[firing.step]
        windows = row.windows(firing.first, firing.last)
        inputs = tuple(
            tensor
            if reads.is_whole
            else self._rows(block.axis, tensor, window, buffers.get(self.program.storage(tensor)))
            for tensor, reads, window in zip(step.inputs, row.reads, windows, strict=True)
        )
        buffer = buffers.get(step.output)
        if buffer is not None:
            if firing.is_again:
                buffer.base = firing.first
            else:
                self._make_room(block, firing, buffer)
            buffer.last = firing.last
        output = self._rows(block.axis, step.output, RowWindow(firing.first, firing.last), buffer)
        lead = next(window for window, reads in zip(windows, row.reads, strict=True) if not reads.is_whole)
        key = (firing.step, lead.last - lead.first, lead.top, lead.bottom)
        # One object for equal strips, so that whoever looks at a step does so once.
        op = self._ops.setdefault(key, row.make(*key[1:]))
        self.steps.append(Step(step.name, op, inputs, (output,), firing.step))

    def _gather(self, block: RowBlock, firing: Firing, buffers: Mapping[int, _Buffer]) -> None:
        """More rows for a step that takes them as they come, and its output with the last ones."""
        step, row = self.program.steps[firing.step], block.steps[firing.step]
        pieces, (x,), (window,) = row.pieces, step.inputs, row.windows(firing.first, firing.last)
        assert pieces is not None
        rows = self._rows(block.axis, x, window, buffers.get(self.program.storage(x)))
        op = cast(StepOp, (pieces.more if firing.first else pieces.first)(firing.last - firing.first))
        before = (self._kept[firing.step],) if firing.first else ()
        given = [self.tensors[tensor] for tensor in (*before, rows)]
        shape = op.infer(*(each.shape for each in given))
        (dtype,) = op.output_types(*(each.quant.dtype for each in given))
        # Each has the memory of the first, and a value of its own.
        number = len(self.tensors)
        storage = self.tensors[before[0]].storage if before else number
        quant = QuantParams((1.0,), 0, dtype)
        part = Part(number, 0) if before else None
        self.tensors.append(ProgramTensor(self.tensors[step.output].name, shape, quant, storage, 0, part))
        self._kept[firing.step] = number
        self.steps.append(Step(step.name, op, (*before, rows), (number,), firing.step))
        if firing.last == row.rows:
            self.steps.append(
                Step(step.name, cast(StepOp, pieces.last), (number,), step.outputs, firing.step)
            )

    def _rows(self, axis: int, tensor: int, window: RowWindow, buffer: _Buffer | None) -> int:
        """Rows of a value where they lie: in its buffer, or in the memory of all of it."""
        like, storage = self.program.tensors[tensor], self.program.storage(tensor)
        size = like.size_bytes // like.shape[axis]
        shape = _with_rows(like.shape, axis, window.last - window.first)
        if shape == like.shape and buffer is None:
            return tensor
        base = 0 if buffer is None else buffer.base
        part = Part(storage, window.first * size)
        key = (storage if buffer is None else buffer.storage, (window.first - base) * size, part, shape)
        if key not in self._known:
            self._known[key] = len(self.tensors)
            self.tensors.append(ProgramTensor(like.name, shape, like.quant, *key[:3]))
        return self._known[key]

    def _make_room(self, block: RowBlock, firing: Firing, buffer: _Buffer) -> None:
        """Move the rows that are still needed to the front of a buffer where new ones do not fit behind."""
        if firing.last - buffer.base <= buffer.rows:
            return
        storage = self.program.steps[firing.step].output
        needed = firing.needed[storage]
        by = needed - buffer.base
        moved = _Buffer(buffer.storage, buffer.rows, needed)
        # So many rows at a time as do not overlap.
        for first in range(needed, buffer.last, by):
            window = RowWindow(first, min(first + by, buffer.last))
            x, y = (self._rows(block.axis, storage, window, each) for each in (buffer, moved))
            op = copy_of(self.program.tensors[storage].quant.dtype)
            self.steps.append(Step(self.program.steps[firing.step].name, op, (x,), (y,), firing.step))
        buffer.base = needed


def _with_rows(shape: Shape, axis: int, rows: int) -> Shape:
    return (*shape[:axis], rows, *shape[axis + 1 :])

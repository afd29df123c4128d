"""What a block in strips takes, counted on a few of them: the most bytes that are occupied, and cycles."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Set

from mcuq.ir.plan import MemoryRegion
from mcuq.ir.program import Program
from mcuq.ir.types import Shape
from mcuq.memory.lifetimes import lifetimes
from mcuq.strips.rewrite import Cut
from mcuq.strips.rows import row_step
from mcuq.strips.schedule import RowBlock, RowSchedule, find_block, may_repeat
from mcuq.strips.times import StripCost, StripCosts

# So many strips of a block are followed to see how many rows it keeps.
STRIPS = 3
# Cycles of moving rows in a buffer: per byte in 64th, per call.
MOVE_BYTE, MOVE_CALL = 40, 90


@dataclasses.dataclass(frozen=True, slots=True)
class PeakAndTime:
    """Bytes of the arena, cycles, and multiply-accumulates that are done again."""

    peak: int
    time: int
    again: int = 0


class Estimates:
    """Of steps and blocks of a program, each made once."""

    def __init__(self, program: Program, costs: StripCosts) -> None:
        """For a program without strips."""
        self._program, self._costs = program, costs
        lives = lifetimes(program, range(len(program.steps)))
        self._lives = {s: each for s, each in lives.items() if each.region is MemoryRegion.ARENA}
        self.steps = len(program.steps)
        self.block = functools.cache(lambda first, last: find_block(program, first, last))
        self.cut = functools.cache(self._cut)
        self.whole = functools.cache(self._whole)
        self._strip = functools.cache(self._strip_cost)

    def make_cut(self, first: int, last: int, rows: int) -> Cut:
        """A block with so many rows of every layer at a time, or all where it has fewer."""
        block = self.block(first, last)
        assert block is not None
        return Cut(first, last, tuple(min(rows, each.rows) for each in block.steps.values()))

    def rows(self, number: int, cut: Cut) -> int:
        """How many rows a step of a block computes in all."""
        block = self.block(cut.first, cut.last)
        assert block is not None
        return block.steps[number].rows

    def alive(self, first: int, last: int) -> int:
        """Bytes of the arena that hold whole values while steps are computed, as a block if they are one."""
        block = self.block(first, last)
        buffered: Set[int] = set() if block is None else block.made.keys() - block.kept
        return sum(
            self._program.tensors[storage].size_bytes
            for storage, life in self._lives.items()
            if life.first < last and life.last >= first and storage not in buffered
        )

    def _whole(self, number: int) -> PeakAndTime:
        """What a step takes as it is."""
        step, cost = self._program.steps[number], self._costs.whole(number)
        peak = cost.scratch_bytes + sum(
            self._program.tensors[storage].size_bytes
            for storage, life in self._lives.items()
            if life.first <= number <= life.last
        )
        storages = [self._program.storage(tensor) for tensor in step.inputs]
        in_place = [storages[position] for position in step.op.in_place_inputs if position < len(storages)]
        if any(s in self._lives and self._lives[s].last == number for s in in_place):
            peak -= self._program.tensors[step.output].size_bytes
        return PeakAndTime(peak, cost.cycles)

    def _cut(self, cut: Cut) -> PeakAndTime:
        """What a block takes."""
        block = self.block(cut.first, cut.last)
        assert block is not None
        quanta = dict(zip(block.steps, cut.quanta, strict=True))
        schedule = RowSchedule(self._program, block, quanta, cut.again)
        schedule.run(STRIPS)
        strips = {number: -(-block.steps[number].rows // quantum) for number, quantum in quanta.items()}
        # From the last to the first: each is computed as often as what reads it.
        for number in sorted(cut.again, reverse=True):
            storage = self._program.steps[number].output
            reader = next(n for n in block.steps if storage in self._storages(n))
            quanta[number], strips[number] = schedule.capacity[storage], strips[reader]
        carried = {
            storage
            for firing in schedule.firings
            for storage, row in firing.needed.items()
            if row < firing.first
        }
        sizes = {s: self._row_bytes(block, s) * rows for s, rows in schedule.capacity.items()}
        peak = self.alive(cut.first, cut.last) + sum(sizes[storage] for storage in carried)
        peak += self._most_passing(block, quanta, {s: size for s, size in sizes.items() if s not in carried})
        time = again = 0
        for number, quantum in quanta.items():
            if number in cut.again:
                again += (strips[number] * quantum - block.steps[number].rows) * self._row_macs(block, number)
            time += strips[number] * self._strip(block.axis, number, quantum).cycles
            storage = self._program.steps[number].output
            if storage in carried:
                kept = (schedule.capacity[storage] - quantum) * self._row_bytes(block, storage)
                time += strips[number] * (MOVE_CALL + kept * MOVE_BYTE // 64)
        return PeakAndTime(peak, time, again)

    def repeatable(self, cut: Cut) -> frozenset[int]:
        """The steps of a block whose rows may be computed again."""
        block = self.block(cut.first, cut.last)
        assert block is not None
        return may_repeat(self._program, block)

    def macs(self) -> int:
        """Multiply-accumulates of the program."""
        return sum(s.op.macs(self._program.tensors[s.output].shape) for s in self._program.steps)

    def _row_macs(self, block: RowBlock, number: int) -> int:
        step = self._program.steps[number]
        return step.op.macs(self._program.tensors[step.output].shape) // block.steps[number].rows

    def _storages(self, number: int) -> list[int]:
        """What a step reads."""
        return [self._program.storage(tensor) for tensor in self._program.steps[number].inputs]

    def _row_bytes(self, block: RowBlock, storage: int) -> int:
        tensor = self._program.tensors[storage]
        return tensor.size_bytes // tensor.shape[block.axis]

    def _most_passing(self, block: RowBlock, quanta: Mapping[int, int], sizes: Mapping[int, int]) -> int:
        """The most bytes of rows that live only from a step to the last that reads them, and of scratch."""
        passing = {
            number: self._strip(block.axis, number, quantum).scratch_bytes
            for number, quantum in quanta.items()
        }
        for storage, size in sizes.items():
            readers = (number for number in block.steps if storage in self._storages(number))
            for number in range(block.made[storage], max(readers) + 1):
                passing[number] += size
        return max(passing.values())

    def _strip_cost(self, axis: int, number: int, quantum: int) -> StripCost:
        """Of a strip from the middle."""
        step = self._program.steps[number]
        row = row_step(self._program, step, axis)
        assert row is not None
        at = min(row.rows // 2, row.rows - quantum)
        windows = row.windows(at, at + quantum)
        lead = next(window for window, reads in zip(windows, row.reads, strict=True) if not reads.is_whole)
        op = row.make(lead.last - lead.first, lead.top, lead.bottom)
        shapes = [
            _with_rows(self._program.tensors[tensor].shape, axis, window.last - window.first)
            for tensor, window in zip(step.inputs, windows, strict=True)
        ]
        return self._costs.strip(number, op, shapes)


def _with_rows(shape: Shape, axis: int, rows: int) -> Shape:
    return (*shape[:axis], rows, *shape[axis + 1 :])

"""Which layers to compute in strips, and of how many rows: the smallest arena, then the fewest cycles."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from mcuq.ir.plan import MemoryRegion
from mcuq.ir.program import Program, StepOp
from mcuq.ir.types import Shape, elem_count
from mcuq.memory.lifetimes import lifetimes
from mcuq.strips.rewrite import Cut
from mcuq.strips.rows import row_axis
from mcuq.strips.schedule import RowBlock, RowSchedule, find_block

# Steps of a block at most, and rows or pixels that are computed at a time.
MAX_BLOCK = 40
ROWS = (1, 2, 4)
PIXELS = (12, 24, 48, 96)
# So much of a block is followed to see how many rows it keeps.
STRIPS = 3
# An arena may be so many percent above the smallest that was found, for fewer cycles.
SLACK = 3
# Cycles of moving rows in a buffer: per byte in 64th, per call.
MOVE_BYTE, MOVE_CALL = 50, 80

# Cycles of a step's kernel for inputs of other sizes; 0 where they are not known.
Time: TypeAlias = Callable[[int, StepOp, Sequence[Shape]], int]


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class _Cost:
    peak: int
    time: int


@dataclasses.dataclass(frozen=True, slots=True)
class _Choice:
    """The best way found to compute the first steps."""

    cost: _Cost
    cuts: tuple[Cut, ...]


class _Search:
    """Estimates of blocks, each made once."""

    def __init__(self, program: Program, scratch_bytes: Sequence[int], time: Time) -> None:
        """For a program.

        Args:
            program: without strips, its steps in the order of execution.
            scratch_bytes: per step, of its kernel.
            time: of a step's kernel.
        """
        self._program, self._scratch, self._time = program, scratch_bytes, time
        lives = lifetimes(program, range(len(program.steps)))
        self._lives = {s: each for s, each in lives.items() if each.region is MemoryRegion.ARENA}
        self._block = functools.cache(lambda first, last: find_block(program, first, last))
        self._costs: dict[Cut, _Cost] = {}

    def find(self) -> tuple[Cut, ...]:
        """Blocks to cut: none where that makes no smaller arena."""
        smallest = self._best(None).cost.peak
        return self._best(smallest * (100 + SLACK) // 100).cuts

    def _best(self, limit: int | None) -> _Choice:
        """The smallest peak, or within a limit the least time."""
        best = [_Choice(_Cost(0, 0), ())]
        for last in range(1, len(self._program.steps) + 1):
            found: _Choice | None = None
            for bound, cut in sorted(self._candidates(last, best), key=lambda each: each[0]):
                if found is not None and bound >= found.cost.peak and limit is None:
                    break
                if limit is not None and found is not None and bound > max(limit, found.cost.peak):
                    continue
                before, cost = best[cut.first], self.cost(cut)
                joined = _Cost(max(before.cost.peak, cost.peak), before.cost.time + cost.time)
                if found is None or _key(joined, limit) < _key(found.cost, limit):
                    found = _Choice(joined, (*before.cuts, cut) if cut.quanta else before.cuts)
            assert found is not None
            best.append(found)
        return best[-1]

    def _candidates(self, last: int, best: Sequence[_Choice]) -> Iterator[tuple[int, Cut]]:
        """Blocks that end with a step, with what their peak is at least; an uncut step has no quanta."""
        yield best[last - 1].cost.peak, Cut(last - 1, last, ())
        for first in range(last - 1, max(last - 1 - MAX_BLOCK, -1), -1):
            block = self._block(first, last)
            if block is None:
                if self._block(first, first + 1) is None:
                    break
                continue
            bound = max(best[first].cost.peak, self._alive(first, last, block))
            for quanta in self._quanta(block):
                yield bound, Cut(first, last, quanta)

    def _quanta(self, block: RowBlock) -> Iterator[tuple[int, ...]]:
        """Rows at a time per step."""
        widths = [self._width(number) for number in block.steps]
        rows = [row.rows for row in block.steps.values()]
        options = [tuple(min(count, high) for high in rows) for count in ROWS]
        options += [
            tuple(min(-(-pixels // width), high) for width, high in zip(widths, rows, strict=True))
            for pixels in PIXELS
        ]
        yield from dict.fromkeys(options)

    def _width(self, number: int) -> int:
        shape = self._program.tensors[self._program.steps[number].output].shape
        axis = row_axis(shape)
        return 1 if axis is None else elem_count(shape[axis + 1 : -1])

    def _alive(self, first: int, last: int, block: RowBlock | None) -> int:
        """Bytes of the arena that hold whole values while steps are computed."""
        buffered = () if block is None else block.made.keys() - block.kept
        return sum(
            self._program.tensors[storage].size_bytes
            for storage, life in self._lives.items()
            if life.first < last and life.last >= first and storage not in buffered
        )

    def cost(self, cut: Cut) -> _Cost:
        """What a block costs, about."""
        if cut not in self._costs:
            self._costs[cut] = self._strips_cost(cut) if cut.quanta else self._step_cost(cut.first)
        return self._costs[cut]

    def _step_cost(self, number: int) -> _Cost:
        step = self._program.steps[number]
        shapes = [self._program.tensors[tensor].shape for tensor in step.inputs]
        peak = self._alive(number, number + 1, None) + self._scratch[number]
        storages = [self._program.storage(tensor) for tensor in step.inputs]
        in_place = [storages[position] for position in step.op.in_place_inputs if position < len(storages)]
        lives = [self._lives.get(storage) for storage in in_place]
        size = self._program.tensors[step.output].size_bytes
        if any(life is not None and life.last == number for life in lives):
            peak -= size
        return _Cost(peak, self._time(number, step.op, shapes))

    def _strips_cost(self, cut: Cut) -> _Cost:
        block = self._block(cut.first, cut.last)
        assert block is not None
        schedule = RowSchedule(self._program, block, dict(zip(block.steps, cut.quanta, strict=True)))
        schedule.run(STRIPS)
        peak = self._alive(cut.first, cut.last, block)
        carried = set()
        for firing in schedule.firings:
            storage = self._program.steps[firing.step].output
            if firing.first > firing.needed.get(storage, firing.first):
                carried.add(storage)
        size = {s: self._row_bytes(block, s) * rows for s, rows in schedule.capacity.items()}
        peak += sum(size[storage] for storage in carried)
        peak += max(self._passing(block, number, carried, size) for number in block.steps)
        time = 0
        for (number, row), quantum in zip(block.steps.items(), cut.quanta, strict=True):
            storage = self._program.steps[number].output
            strips = -(-row.rows // quantum)
            time += strips * self._strip_time(block, number, quantum)
            if storage in carried:
                kept = schedule.capacity[storage] - quantum
                time += strips * (MOVE_CALL + kept * self._row_bytes(block, storage) * MOVE_BYTE // 64)
        return _Cost(peak, time)

    def _row_bytes(self, block: RowBlock, storage: int) -> int:
        tensor = self._program.tensors[storage]
        return tensor.size_bytes // tensor.shape[block.axis]

    def _passing(self, block: RowBlock, number: int, carried: set[int], size: dict[int, int]) -> int:
        """Bytes that live only from one step to another, while a step is computed, and its scratch."""
        passing = 0
        for storage, maker in block.made.items():
            if storage in size and storage not in carried and maker <= number:
                readers = (
                    reader
                    for reader in block.steps
                    if storage in map(self._program.storage, self._program.steps[reader].inputs)
                )
                passing += size[storage] if number <= max(readers) else 0
        return passing + self._scratch[number]

    def _strip_time(self, block: RowBlock, number: int, quantum: int) -> int:
        """Of a strip from the middle."""
        row, step = block.steps[number], self._program.steps[number]
        first = min(row.rows // 2, row.rows - quantum)
        windows = row.windows(first, first + quantum)
        lead = next(window for window, reads in zip(windows, row.reads, strict=True) if not reads.is_whole)
        op = row.make(lead.last - lead.first, lead.top, lead.bottom)
        shapes = [
            _with_rows(self._program.tensors[tensor].shape, block.axis, window.last - window.first)
            for tensor, window in zip(step.inputs, windows, strict=True)
        ]
        return self._time(number, op, shapes)


def _with_rows(shape: Shape, axis: int, rows: int) -> Shape:
    return (*shape[:axis], rows, *shape[axis + 1 :])


def find_cuts(program: Program, scratch_bytes: Sequence[int], time: Time) -> tuple[Cut, ...]:
    """Blocks to compute in strips; none where that makes no smaller arena.

    Args:
        program: without strips, its steps in the order of execution.
        scratch_bytes: per step, of its kernel.
        time: of a step's kernel.
    """
    return _Search(program, scratch_bytes, time).find()


def _key(cost: _Cost, limit: int | None) -> tuple[int, int]:
    """The smallest peak first, or within a limit the least time."""
    return (cost.peak if limit is None else max(cost.peak - limit, 0), cost.time)

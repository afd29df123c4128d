"""In which order a block's rows are computed, and how many of each layer have to be kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping

from mcuq.ir.program import Program
from mcuq.strips.rows import RowStep, row_axis, row_step


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class RowBlock:
    """Steps that are computed together, strip by strip.

    Args:
        axis: along which rows lie.
        steps: by number in the program, in its order.
        made: for each storage that they write, the step that does.
        kept: the storages that are read outside: these exist as a whole.
    """

    axis: int
    steps: Mapping[int, RowStep]
    made: Mapping[int, int]
    kept: frozenset[int]


@dataclasses.dataclass(frozen=True, slots=True)
class Firing:
    """Rows [first, last) of a step's output are computed.

    Args:
        step: its number.
        first: of the rows.
        last: behind the rows.
        needed: per storage of the block that is not kept, the first row that something still needs before it.
        is_again: whether rows are computed as they are needed, those that were before among them.
    """

    step: int
    first: int
    last: int
    needed: Mapping[int, int]
    is_again: bool = False


def find_block(program: Program, first: int, last: int) -> RowBlock | None:
    """Steps [first, last) as a block, None where some of them cannot be computed row by row."""
    end = program.steps[last - 1]
    axis = row_axis(program.tensors[end.inputs[0]].shape) if end.inputs else None
    if axis is None:
        return None
    steps: dict[int, RowStep] = {}
    made: dict[int, int] = {}
    for number in range(first, last):
        step = program.steps[number]
        found = row_step(program, step, axis)
        if found is None or program.storage(step.output) != step.output:
            return None
        if found.pieces is not None and number < last - 1:
            return None
        steps[number] = found
        made[step.output] = number
    kept = _read_outside(program, first, last) & made.keys()
    read = {tensor for number in steps for tensor in program.steps[number].inputs}
    is_reshaped = any(tensor not in made and program.storage(tensor) in made for tensor in read)
    external = {port.tensor for port in program.outputs} | {each.after for each in program.state}
    if is_reshaped or not kept or made.keys() & {program.storage(tensor) for tensor in external}:
        return None
    if _reads_all(program, steps, made):
        return None
    return RowBlock(axis, steps, made, frozenset(kept))


def _reads_all(program: Program, steps: Mapping[int, RowStep], made: Mapping[int, int]) -> bool:
    """Whether a step needs all of what another of the block computes."""
    return any(
        reads.is_whole and program.storage(tensor) in made
        for number, row in steps.items()
        for tensor, reads in zip(program.steps[number].inputs, row.reads, strict=True)
    )


def _read_outside(program: Program, first: int, last: int) -> set[int]:
    """Storages that steps outside of [first, last) read."""
    return {
        program.storage(tensor)
        for number, step in enumerate(program.steps)
        if not first <= number < last
        for tensor in step.inputs
    }


def may_repeat(program: Program, block: RowBlock) -> frozenset[int]:
    """The steps whose rows can be computed again for each strip: those of one reader in the block."""
    readers = [program.storage(tensor) for number in block.steps for tensor in program.steps[number].inputs]
    return frozenset(
        number
        for storage, number in block.made.items()
        if storage not in block.kept and readers.count(storage) == 1
    )


class RowSchedule:
    """Rows are computed when something needs them, a few at a time."""

    def __init__(
        self, program: Program, block: RowBlock, quanta: Mapping[int, int], again: Collection[int] = ()
    ) -> None:
        """For a block.

        Args:
            program: it is of.
            block: the steps.
            quanta: per step, how many rows are computed at a time.
            again: steps whose rows are not kept but computed for each strip; see `may_repeat`.
        """
        self._program, self._block, self._quanta, self._again = program, block, quanta, frozenset(again)
        self._done = dict.fromkeys(block.steps, 0)
        self._readers: dict[int, list[tuple[int, int]]] = {storage: [] for storage in block.made}
        for number in block.steps:
            for position, tensor in enumerate(program.steps[number].inputs):
                if program.storage(tensor) in block.made:
                    self._readers[program.storage(tensor)].append((number, position))
        self._buffered = [storage for storage in block.made if storage not in block.kept]
        self.firings: list[Firing] = []
        self.capacity = dict.fromkeys(self._buffered, 0)

    def run(self, strips: int | None = None) -> None:
        """Compute all that is kept, the last step's output first.

        Args:
            strips: so many of each output at most; None for all.
        """
        for number in reversed(tuple(self._block.steps)):
            if self._program.steps[number].output in self._block.kept:
                wanted = self._block.steps[number].rows
                if strips is not None:
                    wanted = min(wanted, strips * self._quanta[number])
                self._pull(number, wanted)

    def _pull(self, number: int, rows: int) -> None:
        """Compute a step's output up to a row."""
        step = self._program.steps[number]
        while (first := self._done[number]) < rows:
            last = min(first + self._quanta[number], self._block.steps[number].rows)
            for tensor, reads in zip(step.inputs, self._block.steps[number].reads, strict=True):
                maker = self._block.made.get(self._program.storage(tensor))
                if maker is not None:
                    self._bring(maker, reads.first(first), reads.last(last))
            self._fire(number, first, last)

    def _bring(self, number: int, first: int, last: int) -> None:
        """Rows [first, last) of a step's output: what of them is not there, or all of them again."""
        if number not in self._again:
            self._pull(number, last)
            return
        step = self._program.steps[number]
        for tensor, reads in zip(step.inputs, self._block.steps[number].reads, strict=True):
            maker = self._block.made.get(self._program.storage(tensor))
            if maker is not None:
                self._bring(maker, reads.first(first), reads.last(last))
        self.capacity[step.output] = max(self.capacity[step.output], last - first)
        self.firings.append(Firing(number, first, last, {}, is_again=True))
        self._done[number] = last

    def _next(self, number: int) -> int:
        """The first row that a step computes next; all rows where it is done."""
        if number not in self._again:
            return self._done[number]
        ((reader, position),) = self._readers[self._program.steps[number].output]
        if self._next(reader) >= self._block.steps[reader].rows:
            return self._block.steps[number].rows
        return self._block.steps[reader].reads[position].first(self._next(reader))

    def _fire(self, number: int, first: int, last: int) -> None:
        storage = self._program.steps[number].output
        needed = {each: self._needed(each) for each in (storage,) if each in self.capacity}
        if storage in needed:
            self.capacity[storage] = max(self.capacity[storage], last - needed[storage])
        self.firings.append(Firing(number, first, last, needed))
        self._done[number] = last

    def _needed(self, storage: int) -> int:
        """The first row of a buffered output that something still reads."""
        done = self._done[self._block.made[storage]]
        firsts = [
            self._block.steps[number].reads[position].first(self._next(number))
            for number, position in self._readers[storage]
            if self._next(number) < self._block.steps[number].rows
        ]
        return min([*firsts, done])

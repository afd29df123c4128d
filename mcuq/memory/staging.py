"""Constants that wait in the arena: copied from a slow flash into bytes that are free while their step runs.

A kernel that reads its weights once for every few pixels reads them from flash every time. Where the flash
stalls the core, copying them once into RAM pays, and most steps leave bytes of the arena free: the peak is
that of one step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from mcuq.flash_modes import FlashMode
from mcuq.ir.plan import CArray, KernelCall, MemoryMap, MemoryRegion, NearPart, StagedArray
from mcuq.ir.program import Program
from mcuq.kernels.stalls import cached_bytes, saved_cycles
from mcuq.memory.lifetimes import lifetimes
from mcuq.memory.overlap import round_up

ALIGNMENT = 8
# What a kernel takes more for each pass that reads one part here and the other there.
_PART_CYCLES = 300


@dataclasses.dataclass(frozen=True, slots=True)
class _Gap:
    """Free bytes of the arena, [begin, end)."""

    begin: int
    end: int

    @property
    def size(self) -> int:
        """How many."""
        return self.end - self.begin


class _Room:
    """What is free while a step runs."""

    def __init__(self, gaps: Sequence[_Gap]) -> None:
        """All of it.

        Args:
            gaps: apart from each other.
        """
        self._gaps = list(gaps)

    @property
    def most(self) -> int:
        """Bytes of the largest piece."""
        return max((gap.size for gap in self._gaps), default=0)

    def take(self, size: int) -> int:
        """Where so many bytes lie, at most `most`: in the smallest gap that has them."""
        gap = min((gap for gap in self._gaps if gap.size >= size), key=lambda gap: (gap.size, gap.begin))
        self._gaps[self._gaps.index(gap)] = _Gap(min(gap.begin + round_up(size, ALIGNMENT), gap.end), gap.end)
        return gap.begin


@dataclasses.dataclass(frozen=True, slots=True)
class Growth:
    """How far the arena may grow for constants that wait.

    Args:
        cycles: modelled, of a run: each percent of growth has to save a percent of them; None where nothing
            but the limit counts.
        most_bytes: the arena is no larger afterwards if it grows.
    """

    cycles: int | None
    most_bytes: int


def stage_constants(
    program: Program,
    calls: Sequence[KernelCall],
    memory: MemoryMap,
    mode: FlashMode,
    growth: Growth | None = None,
) -> MemoryMap:
    """The same map with constants in bytes that no tensor and no scratch needs at their step.

    Args:
        program: the program.
        calls: its kernels, per step.
        memory: where everything else lies.
        mode: how the core sees the flash.
        growth: how far the arena may grow; None for not at all.
    """
    taken = _taken(program, calls, memory)
    sizes = {memory.arena_bytes}
    if growth is not None:
        needs = (_needs(call, gaps, mode) for call, gaps in zip(calls, taken, strict=True))
        sizes |= {size for size in needs if memory.arena_bytes < size <= growth.most_bytes}

    def gain(size: int) -> int:
        saved = _saved(calls, _staged(calls, taken, size, mode), mode)
        if growth is None or growth.cycles is None:
            return saved
        return saved * memory.arena_bytes - (size - memory.arena_bytes) * growth.cycles

    best = max(sorted(sizes), key=gain)
    staged = _staged(calls, taken, best, mode)
    return dataclasses.replace(memory, staged=staged if any(staged) else (), arena_bytes=best)


Staged: TypeAlias = tuple[tuple[StagedArray, ...], ...]


def _staged(
    calls: Sequence[KernelCall], taken: Sequence[list[_Gap]], arena_bytes: int, mode: FlashMode
) -> Staged:
    """Per step, in an arena of some size."""
    rooms = (_Room(list(_between(gaps, arena_bytes))) for gaps in taken)
    return tuple(_stage_step(call, room, mode) for call, room in zip(calls, rooms, strict=True))


def _saved(calls: Sequence[KernelCall], staged: Staged, mode: FlashMode) -> int:
    """Cycles that constants save by waiting."""
    saved = 0
    for call, arrays in zip(calls, staged, strict=True):
        passes = {array.field: array.passes for array in call.arrays}
        for each in arrays:
            saved += saved_cycles(mode, each.size_bytes, passes[each.field])
            saved -= _PART_CYCLES * passes[each.field] if each.pieces else 0
    return saved


def missed_cycles(calls: Sequence[KernelCall], memory: MemoryMap, mode: FlashMode) -> int:
    """Cycles that constants would save by waiting for which the arena has no room.

    Args:
        calls: the kernels, per step; their modelled cycles count all that pays as waiting.
        memory: what waits.
        mode: how the core sees the flash.
    """
    return sum(_missed(call, memory.staged_of(step), mode) for step, call in enumerate(calls))


def _missed(call: KernelCall, staged: tuple[StagedArray, ...], mode: FlashMode) -> int:
    whole = {each.field for each in staged if not each.pieces}
    left = [(saved, array) for saved, array in _paying(call, mode) if array.field not in whole]
    if sum(array.values.nbytes for _, array in left) <= cached_bytes(mode):
        return 0
    parts = tuple(each for each in staged if each.pieces)
    return sum(saved for saved, _ in left) - _saved((call,), (parts,), mode)


def _needs(call: KernelCall, taken: Sequence[_Gap], mode: FlashMode) -> int:
    """The arena in which all constants that gain by waiting lie above everything else."""
    top = round_up(max((gap.end for gap in taken), default=0), ALIGNMENT)
    return top + sum(round_up(array.values.nbytes, ALIGNMENT) for _, array in _paying(call, mode))


def _paying(call: KernelCall, mode: FlashMode) -> list[tuple[int, CArray]]:
    """The arrays that gain by waiting, and how many cycles, those first that gain most for each byte."""
    found = [(saved_cycles(mode, array.values.nbytes, array.passes), array) for array in call.arrays]
    return sorted(
        ((saved, array) for saved, array in found if saved > 0),
        key=lambda each: -each[0] / each[1].values.nbytes,
    )


def _stage_step(call: KernelCall, room: _Room, mode: FlashMode) -> tuple[StagedArray, ...]:
    """Those that save most for each byte, as far as there is room, until the others fit the cache."""
    paying = _paying(call, mode)
    cached = cached_bytes(mode)
    left = sum(array.values.nbytes for _, array in paying)
    found: dict[str, StagedArray] = {}
    for _, array in paying:
        size = array.values.nbytes
        if left > cached and size <= room.most:
            found[array.field] = StagedArray(array.field, room.take(size), size)
            left -= size
    if left > cached and call.near is not None and call.near.field not in found:
        found |= _stage_part(call, call.near, room, mode)
    return tuple(found[array.field] for array in call.arrays if array.field in found)


def _stage_part(call: KernelCall, near: NearPart, room: _Room, mode: FlashMode) -> dict[str, StagedArray]:
    """As many of the first pieces of an array as there is room for, where that saves any."""
    pieces = min(room.most // near.piece_bytes, near.pieces)
    size = pieces * near.piece_bytes
    (passes,) = (array.passes for array in call.arrays if array.field == near.field)
    if pieces == 0 or saved_cycles(mode, size, passes) <= passes * _PART_CYCLES:
        return {}
    return {near.field: StagedArray(near.field, room.take(size), size, pieces)}


def _taken(program: Program, calls: Sequence[KernelCall], memory: MemoryMap) -> list[list[_Gap]]:
    """Per step, what lies in the arena while it runs."""
    lives = lifetimes(program, memory.order)
    taken: list[list[_Gap]] = [[] for _ in calls]
    for position, step in enumerate(memory.order):
        offset, scratch = memory.scratch_offsets[step], calls[step].scratch_bytes
        taken[step] += [_Gap(offset, offset + scratch)] if scratch else []
        for storage, life in lives.items():
            place = memory.places[storage]
            if life.region is MemoryRegion.ARENA and life.first <= position <= life.last:
                assert place is not None
                taken[step].append(_Gap(place.offset, place.offset + program.tensors[storage].size_bytes))
    return taken


def _between(taken: Sequence[_Gap], arena_bytes: int) -> Iterator[_Gap]:
    """What is left of the arena, from multiples of the alignment on."""
    begin = 0
    for each in (*sorted(taken, key=lambda gap: gap.begin), _Gap(arena_bytes, arena_bytes)):
        if each.begin > begin:
            yield _Gap(begin, each.begin)
        begin = max(begin, round_up(each.end, ALIGNMENT))

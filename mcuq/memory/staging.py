"""Constants that wait in the arena: copied from a slow flash into bytes that are free while their step runs.

A kernel that reads its weights once for every few pixels reads them from flash every time. Where the flash
stalls the core, copying them once into RAM pays, and most steps leave bytes of the arena free: the peak is
that of one step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from mcuq.flash_modes import FlashMode
from mcuq.ir.plan import KernelCall, MemoryMap, MemoryRegion, StagedArray
from mcuq.ir.program import Program
from mcuq.kernels.stalls import saved_cycles
from mcuq.memory.lifetimes import lifetimes
from mcuq.memory.overlap import round_up

ALIGNMENT = 8


@dataclasses.dataclass(frozen=True, slots=True)
class _Gap:
    """Free bytes of the arena, [begin, end)."""

    begin: int
    end: int


def stage_constants(
    program: Program, calls: Sequence[KernelCall], memory: MemoryMap, mode: FlashMode
) -> MemoryMap:
    """The same map with constants in bytes that no tensor and no scratch needs at their step.

    Args:
        program: the program.
        calls: its kernels, per step.
        memory: where everything else lies; the arena does not grow.
        mode: how the core sees the flash.
    """
    gaps = _free_bytes(program, calls, memory)
    staged = tuple(_stage_step(call, gaps[step], mode) for step, call in enumerate(calls))
    return dataclasses.replace(memory, staged=staged if any(staged) else ())


def _stage_step(call: KernelCall, gaps: list[_Gap], mode: FlashMode) -> tuple[StagedArray, ...]:
    """Those that save most for each byte, as far as there is room, until the others fit the cache."""
    paying = [(saved_cycles(mode, array), array) for array in call.arrays]
    paying = [(saved, array) for saved, array in paying if saved > 0]
    cached = 0 if mode.data_cache is None else mode.data_cache.size_bytes
    left = sum(array.values.nbytes for _, array in paying)
    found: dict[str, StagedArray] = {}
    for _, array in sorted(paying, key=lambda each: -each[0] / each[1].values.nbytes):
        if left <= cached:
            break
        size = array.values.nbytes
        fitting = [gap for gap in gaps if gap.end - gap.begin >= size]
        if fitting:
            gap = min(fitting, key=lambda gap: (gap.end - gap.begin, gap.begin))
            found[array.field] = StagedArray(array.field, gap.begin, size)
            left -= size
            gaps[gaps.index(gap)] = _Gap(min(gap.begin + round_up(size, ALIGNMENT), gap.end), gap.end)
    return tuple(found[array.field] for array in call.arrays if array.field in found)


def _free_bytes(program: Program, calls: Sequence[KernelCall], memory: MemoryMap) -> dict[int, list[_Gap]]:
    """For each step the gaps between what lies in the arena while it runs."""
    lives = lifetimes(program, memory.order)
    gaps = {}
    for position, step in enumerate(memory.order):
        offset = memory.scratch_offsets[step]
        taken = [_Gap(offset, offset + calls[step].scratch_bytes)] if calls[step].scratch_bytes else []
        for storage, life in lives.items():
            place = memory.places[storage]
            if life.region is MemoryRegion.ARENA and life.first <= position <= life.last:
                assert place is not None
                taken.append(_Gap(place.offset, place.offset + program.tensors[storage].size_bytes))
        gaps[step] = list(_between(taken, memory.arena_bytes))
    return gaps


def _between(taken: Sequence[_Gap], arena_bytes: int) -> Iterator[_Gap]:
    """What is left of the arena, from multiples of the alignment on."""
    begin = 0
    for each in (*sorted(taken, key=lambda gap: gap.begin), _Gap(arena_bytes, arena_bytes)):
        if each.begin > begin:
            yield _Gap(begin, each.begin)
        begin = max(begin, round_up(each.end, ALIGNMENT))

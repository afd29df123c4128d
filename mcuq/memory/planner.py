"""Places for all tensors of a program and for the scratch memory of its steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mcuq.ir.plan import MemoryMap, MemoryRegion, Place
from mcuq.ir.program import Program
from mcuq.memory.lifetimes import Walks, accesses, consumed_inputs, external_places, lifetimes
from mcuq.memory.overlap import Overlap, round_up
from mcuq.memory.packing import Block, height, lower_bound, pack
from mcuq.memory.schedule import choose_order, live_peak
from mcuq.memory.strips import SCRATCH_ALIGNMENT, plan_strips


def plan_memory(
    program: Program,
    scratch_bytes: Sequence[int],
    *,
    walks: Walks = (),
    alignment: int = 4,
    reuse: bool = True,
) -> MemoryMap:
    """Choose the order of the steps and the offset of every tensor and scratch buffer.

    Args:
        program: the program; no two ports share memory.
        scratch_bytes: per step, the work memory it needs while it runs.
        walks: per step, those of its kernel: what its output may lie over.
        alignment: of every tensor in the arena, in bytes, a power of two of at least 4.
        reuse: whether memory is used again; if not, all tensors and scratch stay apart and the steps
            keep their order, so that a debugger finds every intermediate result after the run.

    Returns:
        The map; `check_memory` proves it.
    """
    assert alignment >= 4 and alignment & (alignment - 1) == 0, alignment
    assert len(scratch_bytes) == len(program.steps)
    if program.has_strips:
        return plan_strips(program, scratch_bytes, alignment=alignment)
    given = tuple(range(len(program.steps)))
    if not reuse:
        # One alignment for all, so that any stack of them is as low as it can be.
        return _place(program, scratch_bytes, given, (), max(alignment, SCRATCH_ALIGNMENT), reuse)
    chosen = choose_order(program, scratch_bytes, alignment=alignment, walks=walks)
    best = _place(program, scratch_bytes, chosen, walks, alignment, reuse)
    # Fewer live bytes can still pack worse; of equal arenas the given order is the one to keep.
    if chosen != given and best.arena_bytes >= live_peak(
        program, scratch_bytes, given, alignment=alignment, walks=walks
    ):
        rival = _place(program, scratch_bytes, given, walks, alignment, reuse)
        return min(rival, best, key=lambda memory: memory.arena_bytes)
    return best


def _place(
    program: Program,
    scratch_bytes: Sequence[int],
    order: tuple[int, ...],
    walks: Walks,
    alignment: int,
    reuse: bool,
) -> MemoryMap:
    """Offsets for one order."""
    owners, blocks, overlaps = _tensor_blocks(program, order, walks, alignment, reuse)
    scratch = {}
    for position, step in enumerate(order):
        if scratch_bytes[step]:
            scratch[step] = len(blocks)
            size = round_up(scratch_bytes[step], alignment)
            blocks.append(Block(size, position, position, max(alignment, SCRATCH_ALIGNMENT)))
    if not reuse:
        blocks = [dataclasses.replace(block, first=0, last=len(order)) for block in blocks]
    offsets = pack(blocks, overlaps)
    places = external_places(program)
    places |= {s: Place(MemoryRegion.ARENA, 0, offsets[block]) for s, block in owners.items()}
    return MemoryMap(
        order=order,
        places=tuple(places.get(tensor.storage) for tensor in program.tensors),
        scratch_offsets=tuple(offsets[scratch[s]] if s in scratch else 0 for s in range(len(order))),
        arena_bytes=height(blocks, offsets),
        least_bytes=lower_bound(blocks, overlaps),
    )


def _tensor_blocks(
    program: Program, order: Sequence[int], walks: Walks, alignment: int, reuse: bool
) -> tuple[dict[int, int], list[Block], dict[tuple[int, int], Overlap]]:
    """The blocks that hold tensors, which one holds each storage, and which may overlap.

    An heir lies in its ancestor's block.
    """
    lives, access = lifetimes(program, order), accesses(program, walks)
    owners = {storage: number for number, storage in enumerate(consumed_inputs(program))}
    sizes = [round_up(program.tensors[storage].size_bytes, alignment) for storage in owners]
    blocks = [Block(size, 0, lives[s].last, alignment) for s, size in zip(owners, sizes, strict=True)]
    overlaps: dict[tuple[int, int], Overlap] = {}
    for position, step in enumerate(order):
        ending = {s for s in access[step].reads if reuse and lives[s].last == position}
        for storage in access[step].writes:
            if lives[storage].region is not MemoryRegion.ARENA:
                continue
            first = storage == access[step].writes[0]
            dying = [s for s in access[step].heritable if first and s in ending]
            if dying:
                heir = owners[storage] = owners[dying[0]]
                blocks[heir] = dataclasses.replace(blocks[heir], last=lives[storage].last)
                continue
            owners[storage] = len(blocks)
            size = round_up(program.tensors[storage].size_bytes, alignment)
            blocks.append(Block(size, position, lives[storage].last, alignment))
            if first:
                found = access[step].overlaps.items()
                overlaps |= {(owners[storage], owners[s]): each for s, each in found if s in ending}
    return owners, blocks, overlaps

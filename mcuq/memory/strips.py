"""Places for a program whose layers are computed in strips: memory is written in parts, in a given order."""

from __future__ import annotations

from collections.abc import Sequence

from mcuq.ir.plan import MemoryMap, MemoryRegion, Place
from mcuq.ir.program import Program
from mcuq.memory.lifetimes import external_places
from mcuq.memory.overlap import round_up
from mcuq.memory.packing import Block, height, lower_bound, pack
from mcuq.memory.spans import merge_spans, storage_spans

# int32 and doubleword loads from scratch need no more than this.
SCRATCH_ALIGNMENT = 8


def plan_strips(program: Program, scratch_bytes: Sequence[int], *, alignment: int = 4) -> MemoryMap:
    """Choose the offset of every tensor and scratch buffer; the steps keep their order.

    Args:
        program: with strips.
        scratch_bytes: per step, the work memory it needs while it runs.
        alignment: of every storage in the arena, in bytes.
    """
    external = external_places(program)
    owners: dict[int, int] = {}
    blocks: list[Block] = []
    for storage, spans in storage_spans(program).items():
        if storage not in external:
            owners[storage] = len(blocks)
            size = round_up(program.tensors[storage].size_bytes, alignment)
            blocks.append(Block(size, spans[0][0], spans[-1][1], alignment, spans))
    scratch: dict[int, int] = {}
    for steps in _by_layer(program, scratch_bytes):
        scratch |= dict.fromkeys(steps, len(blocks))
        size = round_up(max(scratch_bytes[step] for step in steps), alignment)
        spans = merge_spans((step, step) for step in steps)
        blocks.append(Block(size, steps[0], steps[-1], max(alignment, SCRATCH_ALIGNMENT), spans))
    offsets = pack(blocks)
    owned = {s: Place(MemoryRegion.ARENA, 0, offsets[block]) for s, block in owners.items()}
    places = external | owned
    return MemoryMap(
        order=tuple(range(len(program.steps))),
        places=tuple(_part(places.get(each.storage), each.offset) for each in program.tensors),
        scratch_offsets=tuple(offsets[scratch[s]] if s in scratch else 0 for s in range(len(program.steps))),
        arena_bytes=height(blocks, offsets),
        least_bytes=lower_bound(blocks),
    )


def _part(place: Place | None, offset: int) -> Place | None:
    """The place of a part of a storage."""
    return None if place is None else Place(place.region, place.index, place.offset + offset)


def _by_layer(program: Program, scratch_bytes: Sequence[int]) -> list[list[int]]:
    """The steps with scratch, those of a layer together."""
    found: dict[object, list[int]] = {}
    for number, step in enumerate(program.steps):
        if scratch_bytes[number]:
            found.setdefault(number if step.layer is None else (step.layer, step.op.kind), []).append(number)
    return list(found.values())

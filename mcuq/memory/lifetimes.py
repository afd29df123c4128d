"""Which memory each step of a program touches, and from when to when memory holds something."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from mcuq.ir.plan import MemoryRegion, Place
from mcuq.ir.program import Program, Step

ARENA = Place(MemoryRegion.ARENA, 0, 0)


@dataclasses.dataclass(frozen=True, slots=True)
class Lifetime:
    """When the memory of a storage is occupied.

    Args:
        region: whose memory.
        first: position in the order of the step that writes it; 0 for an input.
        last: position of the last step that touches it; the last of all for an output.
    """

    region: MemoryRegion
    first: int
    last: int


@dataclasses.dataclass(frozen=True, slots=True)
class Access:
    """What a step does to memory, as storages.

    Args:
        reads: the distinct storages it reads.
        writes: the storage it writes.
        heritable: arena storages whose place the output may take if nothing reads them later.
    """

    reads: tuple[int, ...]
    writes: int
    heritable: tuple[int, ...]


def external_places(program: Program) -> dict[int, Place]:
    """The storages that lie in the caller's input and output buffers."""
    places: dict[int, Place] = {}
    for region, ports in ((MemoryRegion.INPUT, program.inputs), (MemoryRegion.OUTPUT, program.outputs)):
        for index, port in enumerate(ports):
            storage = program.storage(port.tensor)
            assert storage not in places, f"port {port.name!r} shares memory with another: lowering must copy"
            places[storage] = Place(region, index, 0)
    return places


def arena_sizes(program: Program) -> dict[int, int]:
    """Bytes of every storage that a step writes into the arena."""
    external = external_places(program)
    written = dict.fromkeys(program.storage(step.output) for step in program.steps)
    return {s: program.tensors[s].size_bytes for s in written if s not in external}


def accesses(program: Program) -> tuple[Access, ...]:
    """One `Access` per step of the program."""
    external = external_places(program)
    return tuple(_access(program, step, external) for step in program.steps)


def _access(program: Program, step: Step, external: Mapping[int, Place]) -> Access:
    storages = [program.storage(tensor) for tensor in step.inputs]
    reads, writes = tuple(dict.fromkeys(storages)), program.storage(step.output)
    assert external.get(writes, ARENA).region is not MemoryRegion.INPUT, f"step {step.name!r} writes an input"
    # A storage read through several inputs is only heritable if every one of them allows it.
    pinned = {s for i, s in enumerate(storages) if i not in step.op.in_place_inputs}
    heritable = tuple(
        s
        for s in reads
        if s not in pinned
        and s not in external
        and writes not in external
        and program.tensors[s].size_bytes == program.tensors[writes].size_bytes
    )
    return Access(reads, writes, heritable)


def lifetimes(program: Program, order: Sequence[int]) -> dict[int, Lifetime]:
    """The lifetime of every storage that a step or a port touches.

    Args:
        program: the program.
        order: all its steps, each after those it reads from.
    """
    external, access = external_places(program), accesses(program)
    spans = {s: (0, 0) for s, place in external.items() if place.region is MemoryRegion.INPUT}
    for position, index in enumerate(order):
        for storage in access[index].reads:
            assert storage in spans, f"storage {storage} is read before it is written"
            spans[storage] = (spans[storage][0], position)
        assert access[index].writes not in spans, f"storage {access[index].writes} is written twice"
        spans[access[index].writes] = (position, position)
    result = {}
    for storage, (first, last) in spans.items():
        region = external.get(storage, ARENA).region
        result[storage] = Lifetime(region, first, len(order) - 1 if region is MemoryRegion.OUTPUT else last)
    return result


def round_up(value: int, multiple: int) -> int:
    """The smallest multiple that is not less than a value.

    >>> round_up(5, 4)
    8
    """
    return -(-value // multiple) * multiple

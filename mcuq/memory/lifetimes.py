"""Which memory each step of a program touches, and from when to when memory holds something."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from mcuq.ir.plan import KernelWalk, MemoryRegion, Place
from mcuq.ir.program import Program, Step
from mcuq.memory.overlap import Overlap, overlap

ARENA = Place(MemoryRegion.ARENA, 0, 0)

# Per step of a program, how its kernel walks over its inputs.
Walks: TypeAlias = Sequence[Sequence[KernelWalk]]


@dataclasses.dataclass(frozen=True, slots=True)
class Lifetime:
    """When the memory of a storage is occupied.

    Args:
        region: whose memory.
        first: position in the order of the step that writes it; 0 for an input and for state.
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
        writes: the storages it writes, one per output.
        heritable: arena storages whose place the first output may take if nothing reads them later.
        overlaps: likewise those that the first output may lie over, and how far.
    """

    reads: tuple[int, ...]
    writes: tuple[int, ...]
    heritable: tuple[int, ...]
    overlaps: Mapping[int, Overlap]


def consumed_inputs(program: Program) -> tuple[int, ...]:
    """The storages of inputs that lie in the arena."""
    return tuple(program.storage(port.tensor) for port in program.inputs) if program.consumes_inputs else ()


def external_places(program: Program) -> dict[int, Place]:
    """The storages that lie in the caller's buffers; both tensors of a state in the same."""
    places: dict[int, Place] = {}
    inputs = () if program.consumes_inputs else program.inputs
    for region, ports in ((MemoryRegion.INPUT, inputs), (MemoryRegion.OUTPUT, program.outputs)):
        for index, port in enumerate(ports):
            storage = program.storage(port.tensor)
            assert storage not in places, f"port {port.name!r} shares memory with another: lowering must copy"
            places[storage] = Place(region, index, 0)
    for index, state in enumerate(program.state):
        for tensor in (state.before, state.after):
            storage = program.storage(tensor)
            assert storage not in places, f"state {state.name!r} shares memory: lowering must copy"
            places[storage] = Place(MemoryRegion.STATE, index, 0)
    return places


def state_readers(program: Program) -> dict[int, tuple[int, ...]]:
    """For each step that writes state, the other steps that read its old value: they come before it."""
    readers: dict[int, tuple[int, ...]] = {}
    for state in program.state:
        before, after = program.storage(state.before), program.storage(state.after)
        (writer,) = (
            index
            for index, step in enumerate(program.steps)
            if after in [program.storage(tensor) for tensor in step.outputs]
        )
        found = (
            index
            for index, step in enumerate(program.steps)
            if index != writer and before in [program.storage(tensor) for tensor in step.inputs]
        )
        readers[writer] = (*readers.get(writer, ()), *found)
    return readers


def arena_sizes(program: Program) -> dict[int, int]:
    """Bytes of every storage in the arena: inputs that lie there, and what steps write."""
    external = external_places(program)
    written = dict.fromkeys(consumed_inputs(program))
    written |= dict.fromkeys(program.storage(tensor) for step in program.steps for tensor in step.outputs)
    return {s: program.tensors[s].size_bytes for s in written if s not in external}


def accesses(program: Program, walks: Walks = ()) -> tuple[Access, ...]:
    """One `Access` per step of the program.

    Args:
        program: the program.
        walks: per step, those of its kernel; none where nothing is known of kernels.
    """
    external = external_places(program)
    each = zip(program.steps, walks or [()] * len(program.steps), strict=True)
    return tuple(_access(program, step, known, external) for step, known in each)


def _access(
    program: Program, step: Step, walks: Sequence[KernelWalk], external: Mapping[int, Place]
) -> Access:
    storages = [program.storage(tensor) for tensor in step.inputs]
    reads = tuple(dict.fromkeys(storages))
    writes = tuple(program.storage(tensor) for tensor in step.outputs)
    first = writes[0]
    for written in writes:
        region = external.get(written, ARENA).region
        assert region is not MemoryRegion.INPUT, f"step {step.name!r} writes an input"
    # A storage read through several inputs is only heritable if every one of them allows it.
    pinned = {s for i, s in enumerate(storages) if i not in step.op.in_place_inputs}
    heritable = tuple(
        s
        for s in reads
        if s not in pinned
        and s not in external
        and first not in external
        and program.tensors[s].size_bytes == program.tensors[first].size_bytes
    )
    overlaps = {
        storages[walk.input]: overlap(walk, program.tensors[storages[walk.input]].size_bytes)
        for walk in walks
        if storages.count(storages[walk.input]) == 1
        and storages[walk.input] not in external
        and first not in external
    }
    return Access(reads, writes, heritable, overlaps)


def lifetimes(program: Program, order: Sequence[int]) -> dict[int, Lifetime]:
    """The lifetime of every storage that a step or a port touches.

    Args:
        program: the program.
        order: all its steps, each after those it reads from.
    """
    external, access = external_places(program), accesses(program)
    given = [port.tensor for port in program.inputs] + [state.before for state in program.state]
    spans = {program.storage(tensor): (0, 0) for tensor in given}
    for position, index in enumerate(order):
        for storage in access[index].reads:
            assert storage in spans, f"storage {storage} is read before it is written"
            spans[storage] = (spans[storage][0], position)
        for storage in access[index].writes:
            assert storage not in spans, f"storage {storage} is written twice"
            spans[storage] = (position, position)
    result = {}
    for storage, (first, last) in spans.items():
        region = external.get(storage, ARENA).region
        result[storage] = Lifetime(region, first, len(order) - 1 if region is MemoryRegion.OUTPUT else last)
    return result

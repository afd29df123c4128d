"""An independent proof of a memory map: it follows every byte through the run, and knows no lifetimes.

Nothing here is shared with the planner, so that a mistake there cannot hide here.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mcuq.errors import McuqError, fail
from mcuq.ir.plan import KernelWalk, MemoryMap, MemoryRegion, Place
from mcuq.ir.program import Program

# What a byte holds other than a byte of a value, which is a number that no other byte of any value has.
NOBODY = -1
SCRATCH = -2
STAGED = -3  # constants


def check_memory(
    program: Program,
    scratch_bytes: Sequence[int],
    memory: MemoryMap,
    *,
    walks: Sequence[Sequence[KernelWalk]] = (),
    alignment: int = 4,
) -> None:
    """Prove that no step reads a byte that another has overwritten, and that all bytes are in bounds.

    Args:
        program: the program that the map is for.
        scratch_bytes: per step, the work memory it needs while it runs.
        memory: the map.
        walks: per step, in which order its kernel reads and writes where that is known.
        alignment: what the offset of every tensor must be a multiple of; scratch needs at least 8.

    Raises:
        McuqError: I001, with the first step or tensor that is wrong.
    """
    _check_form(program, scratch_bytes, memory)
    if len(memory.staged) not in (0, len(program.steps)):
        raise _broken("the map", f"{len(memory.staged)} lists of staged constants")
    for storage in range(len(program.tensors)):
        _check_place(program, memory, storage, alignment)
    _check_ports(program, memory)
    run = _Run(program, scratch_bytes, memory, walks or [()] * len(program.steps), max(8, alignment))
    for index in memory.order:
        run.step(index)
    run.check_outputs()


def _broken(where: str, why: str) -> McuqError:
    return fail(
        "I001",
        "the memory map is wrong",
        where=where,
        why=why,
        fix="this is a mistake in mcuq: please report it with the model",
    )


def _check_form(program: Program, scratch_bytes: Sequence[int], memory: MemoryMap) -> None:
    """Lists have one entry per tensor or step, and the order holds every step once."""
    steps, tensors = len(program.steps), len(program.tensors)
    for what, found, expected in (
        ("places", len(memory.places), tensors),
        ("scratch offsets", len(memory.scratch_offsets), steps),
        ("scratch sizes", len(scratch_bytes), steps),
    ):
        if found != expected:
            raise _broken("the map", f"{found} {what}, expected {expected}")
    if sorted(memory.order) != list(range(steps)):
        raise _broken("the order", f"it is not a permutation of {steps} steps: {memory.order}")
    if memory.arena_bytes < 0:
        raise _broken("the arena", f"its size is {memory.arena_bytes} bytes")


def _describe(program: Program, tensor: int) -> str:
    return f"tensor #{tensor} {program.tensors[tensor].name!r}"


def _check_place(program: Program, memory: MemoryMap, tensor: int, alignment: int) -> None:
    """A tensor lies where its storage lies, inside its region and aligned."""
    where, place = _describe(program, tensor), memory.places[tensor]
    owner, offset = program.tensors[tensor].storage, program.tensors[tensor].offset
    if place != _moved(memory.places[owner], offset):
        at = f" from byte {offset} on" if offset else ""
        raise _broken(where, f"it lies at {place}, its storage #{owner} at {memory.places[owner]}{at}")
    if program.tensors[owner].storage != owner or program.tensors[owner].offset:
        raise _broken(where, f"its storage #{owner} is not a storage")
    size, room = (program.tensors[each].size_bytes for each in (tensor, owner))
    if program.tensors[tensor].part is None and (size != room or offset):
        raise _broken(where, f"it has {size} bytes, its storage {room}")
    if not 0 <= offset <= room - size:
        raise _broken(where, f"{size} bytes from {offset} on leave its storage of {room} bytes")
    if place is None:
        return
    if place.region is MemoryRegion.ARENA:
        if place.index or not 0 <= place.offset <= memory.arena_bytes - size:
            raise _broken(where, f"{size} bytes at {place} leave the arena of {memory.arena_bytes} bytes")
        if (place.offset - offset) % alignment or offset % program.tensors[tensor].quant.dtype.itemsize:
            raise _broken(where, f"offset {place.offset} is not a multiple of {alignment}")
        return
    if owner not in _owners(program, place):
        raise _broken(where, f"it lies in a buffer of another tensor: {place}")
    if place.offset != offset:
        raise _broken(where, f"it starts at byte {place.offset} of a buffer of its own size")


def _moved(place: Place | None, by: int) -> Place | None:
    """So many bytes behind a place."""
    return None if place is None else dataclasses.replace(place, offset=place.offset + by)


def _owners(program: Program, place: Place) -> list[int]:
    """The storages that may lie in one of the caller's buffers: one of a port, two of state."""
    index = place.index
    if place.region is MemoryRegion.STATE:
        slots = program.state[index : index + 1] if index >= 0 else ()
        return [program.storage(tensor) for slot in slots for tensor in (slot.before, slot.after)]
    ports = program.inputs if place.region is MemoryRegion.INPUT else program.outputs
    return [program.storage(port.tensor) for port in (ports[index : index + 1] if index >= 0 else ())]


def _check_ports(program: Program, memory: MemoryMap) -> None:
    """Every port and all state of the model lies in the caller's buffer of the same index."""

    def check(what: str, tensor: int, expected: Place) -> None:
        if memory.places[tensor] != expected:
            raise _broken(what, f"its tensor lies at {memory.places[tensor]}, expected {expected}")

    for index, port in enumerate(program.inputs):
        if not program.consumes_inputs:
            check(f"port {port.name!r}", port.tensor, Place(MemoryRegion.INPUT, index, 0))
        elif (place := memory.places[port.tensor]) is None or place.region is not MemoryRegion.ARENA:
            raise _broken(f"port {port.name!r}", f"its tensor lies at {place}, not in the arena")
    for index, port in enumerate(program.outputs):
        check(f"port {port.name!r}", port.tensor, Place(MemoryRegion.OUTPUT, index, 0))
    for index, state in enumerate(program.state):
        for tensor in (state.before, state.after):
            check(f"state {state.name!r}", tensor, Place(MemoryRegion.STATE, index, 0))


class _Run:
    """The run of a program in which every byte of memory knows which byte of which value it holds."""

    def __init__(
        self,
        program: Program,
        scratch_bytes: Sequence[int],
        memory: MemoryMap,
        walks: Sequence[Sequence[KernelWalk]],
        scratch_alignment: int,
    ) -> None:
        """Inputs and state hold their values, everything else holds nobody's."""
        self.program, self.scratch_bytes, self.memory, self.walks = program, scratch_bytes, memory, walks
        self.scratch_alignment = scratch_alignment
        # The first byte's number of every storage's value.
        sizes = [tensor.size_bytes for tensor in program.tensors]
        self.numbers = list(itertools.accumulate(sizes, initial=0))
        self.arena = np.full(memory.arena_bytes, NOBODY, np.int64)
        inputs = [port.tensor for port in program.inputs]
        for tensor in inputs if program.consumes_inputs else ():
            self.bytes_of("the inputs", tensor)[:] = self.value(program.storage(tensor))
        given = [(MemoryRegion.INPUT, [] if program.consumes_inputs else inputs)]
        given += [(MemoryRegion.STATE, [state.before for state in program.state])]
        self.buffers = {
            (region, index): self.value(program.storage(tensor))
            for region, tensors in given
            for index, tensor in enumerate(tensors)
        }
        self.given = {program.storage(tensor): region for region, tensors in given for tensor in tensors}
        self.given |= dict.fromkeys(map(program.storage, inputs), MemoryRegion.INPUT)
        for index, port in enumerate(program.outputs):
            size = program.tensors[port.tensor].size_bytes
            self.buffers[MemoryRegion.OUTPUT, index] = np.full(size, NOBODY, np.int64)
        self.writes = Counter(program.value(t) for step in program.steps for t in step.outputs)

    def value(self, tensor: int) -> NDArray[np.int64]:
        """The numbers of the bytes that a tensor holds: of its storage's value, or of a part of another."""
        part = self.program.value(tensor)
        first = self.numbers[part.value] + part.first
        if part.first + self.program.tensors[tensor].size_bytes > self.program.tensors[part.value].size_bytes:
            raise _broken(_describe(self.program, tensor), f"it is no part of value #{part.value}")
        return np.arange(first, first + self.program.tensors[tensor].size_bytes)

    def bytes_of(self, where: str, tensor: int) -> NDArray[np.int64]:
        """What a tensor's bytes hold, to read or write."""
        place = self.memory.places[tensor]
        if place is None:
            raise _broken(where, f"{_describe(self.program, tensor)} has no place")
        memory = self.arena if place.region is MemoryRegion.ARENA else self.buffers[place.region, place.index]
        return memory[place.offset : place.offset + self.program.tensors[tensor].size_bytes]

    def step(self, index: int) -> None:
        """One step: scratch is filled with anything, then inputs are read, then the outputs are written."""
        step = self.program.steps[index]
        where = f"step #{index} {step.name!r}"
        scratch = self.scratch_of(where, index)
        scratch[:] = SCRATCH
        staged = self.stage(where, index)
        if (scratch != SCRATCH).any():
            raise _broken(where, "its scratch overlaps its constants")
        for tensor in step.inputs:
            self.check_holds(where, tensor)
        for number, output in enumerate(step.outputs):
            self.check_overlaps(where, index, number)
            self.write(where, output)
            if (scratch != SCRATCH).any():
                raise _broken(where, f"its scratch overlaps its output {_describe(self.program, output)}")
        if any((each != STAGED - number).any() for number, each in enumerate(staged)):
            raise _broken(where, "constants that it reads in the arena are overwritten")
        for output in step.outputs:
            self.check_holds(where, output)

    def stage(self, where: str, index: int) -> list[NDArray[np.int64]]:
        """The owners of the bytes of the constants that a step copies into the arena, each its own."""
        found = []
        for number, each in enumerate(self.memory.staged_of(index)):
            end = each.offset + each.size_bytes
            if each.offset < 0 or each.size_bytes <= 0 or end > self.memory.arena_bytes:
                raise _broken(where, f"{each.field} at {each.offset} leaves the arena")
            if each.offset % self.scratch_alignment:
                raise _broken(where, f"{each.field} at {each.offset} is not aligned")
            found.append(self.arena[each.offset : end])
            found[-1][:] = STAGED - number
        return found

    def write(self, where: str, output: int) -> None:
        """The bytes of an output get its value."""
        storage, described = self.program.storage(output), _describe(self.program, output)
        if self.program.tensors[output].part is None and self.writes[self.program.value(output)] != 1:
            raise _broken(where, f"{described} is written by several steps")
        if storage in self.given:
            raise _broken(where, f"it writes the {self.given[storage].value} {described}")
        self.bytes_of(where, output)[:] = self.value(output)

    def scratch_of(self, where: str, index: int) -> NDArray[np.int64]:
        """What the bytes of a step's scratch hold."""
        size, offset = self.scratch_bytes[index], self.memory.scratch_offsets[index]
        if offset < 0 or offset + size > self.memory.arena_bytes:
            raise _broken(
                where,
                f"{size} bytes of scratch at {offset} leave the arena of {self.memory.arena_bytes} bytes",
            )
        if offset % self.scratch_alignment:
            raise _broken(where, f"scratch offset {offset} is not a multiple of {self.scratch_alignment}")
        return self.arena[offset : offset + size]

    def place(self, tensor: int) -> Place:
        """The place of a tensor that has one."""
        place = self.memory.places[tensor]
        assert place is not None
        return place

    def check_holds(self, where: str, tensor: int) -> None:
        """Every byte of a tensor still is what its producer, or the caller, wrote."""
        owners = self.bytes_of(where, tensor)
        wrong = np.flatnonzero(owners != self.value(tensor))
        if wrong.size:
            now = self.describe_byte(int(owners[wrong[0]]))
            raise _broken(
                where,
                f"byte {wrong[0]} of {_describe(self.program, tensor)} holds {now}, "
                f"{wrong.size} of {owners.size} bytes are lost",
            )

    def describe_byte(self, number: int) -> str:
        """What a byte holds, for messages."""
        if number < 0:
            return {NOBODY: "nothing", SCRATCH: "scratch"}.get(number, "constants")
        return _describe(self.program, bisect.bisect_right(self.numbers, number) - 1)

    def check_overlaps(self, where: str, index: int, number: int) -> None:
        """An output shares bytes with an input where the operator takes it over, and then all of them.

        Or where the kernel has read every one of them for the last time before it writes there.
        """
        step = self.program.steps[index]
        written = step.outputs[number]
        output = self.bytes_of(where, written)
        for position, tensor in enumerate(step.inputs):
            found = self.bytes_of(where, tensor)
            if not np.shares_memory(output, found):
                continue
            same = self.place(tensor) == self.place(written) and output.size == found.size
            if number == 0 and position in step.op.in_place_inputs and same:
                continue
            walks = [walk for walk in self.walks[index] if number == 0 and walk.input == position]
            distance = self.place(written).offset - self.place(tensor).offset
            if not any(_keeps_unread(walk, found.size, output.size, distance) for walk in walks):
                raise _broken(
                    where,
                    f"its output {_describe(self.program, written)} at {self.place(written)} "
                    f"overlaps input {position}, {_describe(self.program, tensor)} at {self.place(tensor)}",
                )

    def check_outputs(self) -> None:
        """At the end every output of the model holds its value, and all state the next run's."""
        for port in self.program.outputs:
            self.check_holds(f"output {port.name!r} at the end", port.tensor)
        for state in self.program.state:
            self.check_holds(f"state {state.name!r} at the end", state.after)


def _keeps_unread(walk: KernelWalk, input_bytes: int, output_bytes: int, distance: int) -> bool:
    """Follow a kernel unit by unit: whether every byte that it reads is still the input's.

    Args:
        walk: of the kernel over the input.
        input_bytes: the input's size.
        output_bytes: the output's.
        distance: from the input's first byte to the output's.
    """
    if walk.written[-1] < output_bytes or distance % walk.lane:
        return False
    done = lost = 0  # bytes of the output that are written; one behind the last of the input that is gone
    for needed, written in zip(walk.needed.tolist(), walk.written.tolist(), strict=True):
        if needed < lost:
            return False
        first, last = (min(max(distance + at, 0), input_bytes) for at in (done, written))
        done, lost = max(done, written), max(lost, last if first < last else 0)
    return True

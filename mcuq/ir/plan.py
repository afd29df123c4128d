"""The plan: which kernel computes each step, in which order, and where every byte lies.

Simulator and emitter read the same plan; there is no second description of what the firmware does.
"""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from mcuq.ir.program import Optimize, Program
from mcuq.ir.types import Array
from mcuq.targets import Target, load_target, own_target


class MemoryRegion(enum.Enum):
    """Whose memory a tensor lies in."""

    INPUT = "input"  # a caller's input buffer, read only
    OUTPUT = "output"  # a caller's output buffer
    ARENA = "arena"  # the caller's work memory
    STATE = "state"  # the caller's memory of what lives from run to run


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor lies.

    Args:
        region: whose memory.
        index: which port for INPUT and OUTPUT, which one for STATE, 0 for ARENA.
        offset: bytes from the start of the region.
    """

    region: MemoryRegion
    index: int
    offset: int


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class CArray:
    """A constant array of the generated C.

    Args:
        field: the member of the kernel's parameter struct that points to it.
        values: int8, int16 or int32, flat, as packed for the kernel.
        comment: what it holds, for the reader.
        passes: how often a run of the step reads all of it, about; see `Variant.passes`.
    """

    field: str
    values: Array
    comment: str
    passes: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class KernelRefusal:
    """Why a kernel variant does not compute a step."""

    kernel: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class NearPart:
    """How a kernel reads the first pieces of an array from a copy, and the others where they are.

    Args:
        field: the array's.
        pointer: the member of the parameter struct that points to the copy.
        piece_bytes: of each.
        members: what else the struct says: by the number of pieces, from none to all, each member's value.
    """

    field: str
    pointer: str
    piece_bytes: int
    members: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def pieces(self) -> int:
        """How many there are."""
        return len(self.members[0][1]) - 1


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class KernelWalk:
    """In which order a kernel reads one of its inputs and writes its first output.

    It works in units, one after the other. A unit reads the input, then it writes the output. What stands in
    bytes of the input that no unit reads any more does not matter.

    Args:
        input: the position of the input.
        needed: `[units]`, bytes of the input: neither a unit nor those behind it read anything below; the
            input's size where they read nothing. Ascending.
        written: `[units]`, bytes of the output: all that it and those before it wrote lies below. Ascending,
            the last is the output's size.
        lane: 1, or a unit reads and writes in turns: byte i of the output is written after it has read all
            bytes j of the input with i = j modulo lane.
    """

    input: int
    needed: NDArray[np.int64]
    written: NDArray[np.int64]
    lane: int = 1


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class KernelCall:
    """One way for one target to compute a step.

    Args:
        kernel: name of the C function and of its file.
        fields: members of its parameter struct, in order, as integers.
        arrays: constant arrays it points to.
        scratch_bytes: work memory it needs while it runs.
        takes_input_list: whether it takes its inputs as one array of pointers.
        refused: the other variants, and why each is not it.
        inputs: with which of its step's inputs it is called, by position; None where that is each once. A
            kernel reads nothing of what stands in for an input that there is not.
        walks: of inputs that the first output may lie over, at most one each. It overlaps no other input but
            those whose memory the operator takes over.
        near: the array of which it can read a part from elsewhere, None where it cannot.
        is_library_call: whether it calls a library, which takes work memory, if only NULL, and says if it did
            what it was asked for.
    """

    kernel: str
    fields: tuple[tuple[str, int], ...]
    arrays: tuple[CArray, ...]
    scratch_bytes: int = 0
    takes_input_list: bool = False
    refused: tuple[KernelRefusal, ...] = ()
    inputs: tuple[int, ...] | None = None
    walks: tuple[KernelWalk, ...] = ()
    near: NearPart | None = None
    is_library_call: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class StagedArray:
    """A constant array that a step first copies from flash into the arena, and reads there.

    Args:
        field: the array's, of the step's call.
        offset: in the arena.
        size_bytes: of what is copied.
        pieces: how many pieces of the call's `NearPart` that is; 0 for the whole array.
    """

    field: str
    offset: int
    size_bytes: int
    pieces: int = 0


def constant_bytes(calls: Iterable[KernelCall]) -> int:
    """Bytes of the constant arrays of some calls; those that strips of a layer have in common count once."""
    arrays = {id(array): array for call in calls for array in call.arrays}
    return sum(array.values.nbytes for array in arrays.values())


@dataclasses.dataclass(frozen=True)
class MemoryMap:
    """Places of all tensors and scratch.

    Args:
        order: step indices in the order of execution.
        places: per tensor of the program, None for one that no step touches.
        scratch_offsets: per step, the arena offset of its scratch (0 when it needs none).
        arena_bytes: size of the arena.
        staged: per step, the constants that wait in the arena while it runs; empty where no step has any.
        least_bytes: a lower bound: what lives at once in this order needs so many, wherever it lies; 0 where
            nobody has counted.
    """

    order: tuple[int, ...]
    places: tuple[Place | None, ...]
    scratch_offsets: tuple[int, ...]
    arena_bytes: int
    staged: tuple[tuple[StagedArray, ...], ...] = ()
    least_bytes: int = 0

    def staged_of(self, step: int) -> tuple[StagedArray, ...]:
        """The constants of a step that wait in the arena while it runs."""
        return self.staged[step] if self.staged else ()


@dataclasses.dataclass(frozen=True, slots=True)
class DropReason:
    """Why some channels of a tensor could go.

    Args:
        reason: "constant", "constant by position" where the code differs between positions, or "unread".
        channels: which, ascending.
        code: of constant ones.
    """

    reason: str
    channels: tuple[int, ...]
    code: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class DroppedChannels:
    """What a step no longer computes.

    Args:
        step: its index.
        total: how many output channels it had.
        reasons: of those that went.
        macs: multiply-accumulates that went.
        weight_bytes: int8 weights that went.
    """

    step: int
    total: int
    reasons: tuple[DropReason, ...]
    macs: int
    weight_bytes: int

    @property
    def count(self) -> int:
        """How many output channels went."""
        return sum(len(each.channels) for each in self.reasons)


@dataclasses.dataclass(frozen=True, slots=True)
class KernelCosts:
    """What the chosen kernels cost by the model, and what those of `balanced` would.

    Args:
        optimize: what they were chosen for.
        cycles: modelled, of the steps whose kernels have a model, as if all constants for which that pays
            waited in the arena; None where kernels were chosen without one.
        constant_bytes: of constant arrays.
        code_bytes: of the kernels, None where that was not measured on the core.
        balanced: the same for `balanced`, None where that was asked for.
        missed_cycles: what constants stall for which the arena has no room.
        known_cycles: as `cycles`, whatever was chosen without a model; None where nothing has one.
        instructions: modelled as `cycles` are, on cores where these have no model; None where those have one,
            and where kernels were chosen without any.
    """

    optimize: Optimize
    cycles: int | None
    constant_bytes: int
    code_bytes: int | None
    balanced: KernelCosts | None = None
    missed_cycles: int = 0
    known_cycles: int | None = None
    instructions: int | None = None

    @property
    def run_cycles(self) -> int | None:
        """Modelled, with what waits and what does not; None where kernels were chosen without a model."""
        return None if self.cycles is None else self.cycles + self.missed_cycles

    @property
    def run_time(self) -> int | None:
        """`run_cycles`, or instructions on cores where cycles have no model."""
        return self.instructions if self.cycles is None else self.run_cycles

    @property
    def flash_bytes(self) -> int | None:
        """Constants and code, None where the code was not measured."""
        return None if self.code_bytes is None else self.constant_bytes + self.code_bytes


@dataclasses.dataclass(frozen=True)
class Plan:
    """A program for one target.

    Args:
        program: what the firmware computes.
        target: the target's name.
        calls: per step.
        memory: where everything lies.
        whole: the program with all its channels, None where it is `program`; this is what is stored.
        dropped: the difference between both.
        costs: of its kernels, None for a plan whose kernels nobody chose.
        flash: name of the mode of the board's flash, None at zero wait states.
        own_board: what stands in the file of a board of the user's, as JSON; None for one of mcuq's.
        place: as asked for, where constants, arena and kernels lie; None for the board's flash and RAM.
        constants: per step the memory of its constants; empty where they are not placed.
    """

    program: Program
    target: str
    calls: tuple[KernelCall, ...]
    memory: MemoryMap
    whole: Program | None = None
    dropped: tuple[DroppedChannels, ...] = ()
    costs: KernelCosts | None = None
    flash: str | None = None
    own_board: str | None = None
    place: str | None = None
    constants: tuple[str, ...] = ()

    @property
    def resolved(self) -> Target:
        """The target."""
        if self.own_board is None:
            target = load_target(self.target, self.flash)
        else:
            target = own_target(self.target, self.target, json.loads(self.own_board)).in_mode(self.flash)
        return target.placed(self.place)

    @property
    def stored(self) -> Program:
        """The program that the firmware directory holds: planning it again gives this plan."""
        return self.whole or self.program

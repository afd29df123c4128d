"""Cycles of a program whose code and constants lie in a flash with wait states, beside those at zero wait.

An estimate: no other traffic on the bus is modelled, nor is the memory's own layout.
"""

from __future__ import annotations

import ctypes
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mcuq.flash_modes import Cache, FlashMode
from mcuq.ir.types import Array
from mcuq.profile.counter import BlockCounter, StepMarks, add_native_hook, compile_observer
from mcuq.profile.cycles import CycleModel, instruction_costs
from mcuq.resources import targets_dir
from mcuq.verify.image import Image
from mcuq.verify.machines import run_image
from mcuq.verify.machines.elf import Elf

_TIMEOUT_S = 1_800.0
_MOST_MEMORIES = 8


@dataclasses.dataclass(frozen=True)
class Silicon:
    """What a program takes.

    Args:
        ideal: cycles per layer at zero wait states.
        cycles: per memory and layer, with what the place of instructions and data costs.
    """

    ideal: tuple[int, ...]
    cycles: tuple[tuple[int, ...], ...]

    @property
    def totals(self) -> tuple[int, ...]:
        """Cycles per memory, of all layers."""
        return tuple(map(sum, self.cycles))


class _Mode(ctypes.Structure):
    """`flash_mode` of targets/support/flash_model.c."""

    _fields_ = [
        (name, ctypes.c_uint32)
        for name in (
            *("wait_states", "read_bytes", "has_prefetch"),
            *("code_lines", "code_line_bytes", "code_ways"),
            *("data_lines", "data_line_bytes", "data_ways"),
        )
    ]


class _Head(ctypes.Structure):
    """The first members of `flash_model` there."""

    _fields_ = [
        *(
            (name, ctypes.c_uint64)
            for name in (
                *("base", "halfwords", "flash_begin", "flash_end", "constants_begin", "constants_end"),
                *("start", "mark", "stop", "layers", "memories"),
            )
        ),
        ("instructions", ctypes.c_void_p),
        ("cycles", ctypes.c_void_p),
        ("modes", _Mode * _MOST_MEMORIES),
    ]


class FlashModel:
    """Counts cycles on several memories in one run; an observer of `mcuq.verify.machines.run_image`.

    Args:
        image: the program; its constants lie in its machine's flash.
        marks: addresses that steer it.
        prices: `[halfwords, 4]`: of each instruction alone, behind another and as a taken branch; whether it
                always is one.
        base: the first address of these.
        memories: what to model, at most 8.
        layers: how many at the most.
        constants: addresses of further data that the modelled flash holds.
        workdir: a folder for the compiled callbacks.
    """

    def __init__(
        self,
        image: Image,
        marks: StepMarks,
        prices: Array,
        base: int,
        memories: Sequence[FlashMode],
        layers: int,
        constants: range,
        workdir: Path,
    ) -> None:
        """Compile the callbacks.

        Raises:
            McuqError: T002 without a host compiler.
        """
        assert image.machine is not None and len(memories) <= _MOST_MEMORIES
        self.cycles: Array = np.zeros((len(memories) + 1, layers), np.uint64)
        self._prices = prices
        source = targets_dir() / "support" / "flash_model.c"
        self._library = ctypes.CDLL(str(compile_observer(source, workdir)))
        self._library.flash_model_bytes.restype = ctypes.c_size_t
        self._state = ctypes.create_string_buffer(self._library.flash_model_bytes())
        flash = image.machine.flash
        head = _Head(
            base=base,
            halfwords=len(prices),
            flash_begin=flash.origin,
            flash_end=flash.origin + flash.bytes,
            constants_begin=constants.start,
            constants_end=constants.stop,
            start=marks.start,
            mark=marks.mark,
            stop=marks.stop,
            layers=layers,
            memories=len(memories),
            instructions=prices.ctypes.data,
            cycles=self.cycles.ctypes.data,
            modes=(_Mode * _MOST_MEMORIES)(*map(_as_struct, memories)),
        )
        ctypes.memmove(self._state, ctypes.byref(head), ctypes.sizeof(head))
        self._library.flash_begin(self._state)

    def attach(self, core: object) -> None:
        """Hook the callbacks into a core."""
        import unicorn

        user = ctypes.cast(self._state, ctypes.c_void_p)
        add_native_hook(core, unicorn.UC_HOOK_CODE, self._library.flash_on_instruction, user)
        add_native_hook(core, unicorn.UC_HOOK_MEM_READ, self._library.flash_on_load, user)


def _as_struct(mode: FlashMode) -> _Mode:
    none = Cache(0, 0, 0)
    code, data = mode.code_cache or none, mode.data_cache or none
    reads = (mode.wait_states, mode.read_bytes, mode.has_prefetch)
    return _Mode(*reads, *dataclasses.astuple(code), *dataclasses.astuple(data))


def count_silicon(
    image: Image,
    stdin: bytes,
    counter: BlockCounter,
    elf: Elf,
    model: CycleModel,
    workdir: Path,
    *,
    memories: Sequence[FlashMode],
    constants: tuple[str, int] | None = None,
) -> Silicon:
    """Run a program again whose blocks were counted.

    Args:
        image: the program.
        stdin: what it reads.
        counter: what the first run counted.
        elf: the program's file.
        model: the core's table of cycles.
        workdir: a folder for the callbacks.
        memories: what to model.
        constants: a variable and its bytes, which the modelled flash holds although RAM does.

    Raises:
        McuqError: T002 without a host compiler.
    """
    begin = 0 if constants is None else elf.symbols[constants[0]]
    stored = range(begin, begin + (0 if constants is None else constants[1]))
    observer = FlashModel(
        image,
        counter.marks,
        _prices(counter, elf, model),
        counter.base,
        memories,
        len(counter.runs),
        stored,
        workdir,
    )
    again = run_image(image, stdin, "unicorn", _TIMEOUT_S, observer=observer)
    assert again.exit_code == 0, again.exit_code
    ideal, *cycles = (tuple(map(int, row)) for row in observer.cycles)
    return Silicon(ideal, tuple(cycles))


def _prices(counter: BlockCounter, elf: Elf, model: CycleModel) -> Array:
    """What each instruction of the blocks that ran costs, by its halfword."""
    memory = bytearray(2 * len(counter.sizes))
    for address, code in elf.code:
        memory[address - counter.base : address - counter.base + len(code)] = code
    prices = np.zeros((len(counter.sizes), 4), np.uint8)
    for block in np.flatnonzero(counter.sizes):
        at = 2 * int(block)
        code = bytes(memory[at : at + int(counter.sizes[block])])
        for cost in instruction_costs(code, counter.base + at, model):
            is_first = at == 2 * block
            prices[at // 2, 0 if is_first else 1] = cost.cycles
            prices[at // 2, 2:] = cost.refill, cost.is_jump
            at += cost.size_bytes
    return prices

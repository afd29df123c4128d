"""A model of silicon: cycles of a Cortex-M4 whose code and constants lie in a flash with wait states.

The STM32L4R5 of the published results runs at 120 MHz with five wait states. Its flash delivers 64 bits a
read with two banks, as it is shipped, or 128 bits with one; it may prefetch; 1 KB of cache for code and 256
bytes for data stand before it. An estimate: no other traffic on the bus is modelled, nor is the memory's
own layout.
"""

from __future__ import annotations

import ctypes
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mcuq.codegen.model_view import model_view
from mcuq.codegen.render import render
from mcuq.codegen.selftest import selftest_inputs
from mcuq.ir.types import Array
from mcuq.pipeline.firmware import Firmware
from mcuq.profile.counter import BlockCounter, StepMarks, add_native_hook, compile_observer
from mcuq.profile.cycles import instruction_costs, load_cycle_model
from mcuq.targets import load_target
from mcuq.verify.image import Image, build_image
from mcuq.verify.machines import run_image
from mcuq.verify.machines.elf import Elf, read_elf
from mcuq.verify.toolchain import find_toolchain

SOURCE = Path(__file__).with_name("flash.c")
TIMEOUT_S = 1_800.0
_MOST_MEMORIES = 8


@dataclasses.dataclass(frozen=True, slots=True)
class Flash:
    """A memory for code and constants.

    Args:
        title: what it is called in a table.
        wait_states: on top of one cycle for each read that no cache holds.
        read_bytes: how much a read delivers.
        has_prefetch: whether a miss asks for the read behind it, too.
    """

    title: str
    wait_states: int
    read_bytes: int
    has_prefetch: bool


SILICON = (
    Flash("64 bit", 5, 8, has_prefetch=False),
    Flash("64 bit, prefetch", 5, 8, has_prefetch=True),
    Flash("128 bit", 5, 16, has_prefetch=False),
    Flash("128 bit, prefetch", 5, 16, has_prefetch=True),
)


@dataclasses.dataclass(frozen=True)
class Silicon:
    """What a program takes.

    Args:
        ideal: cycles per layer as `mcuq profile` counts them.
        cycles: per memory and layer, with what the place of instructions and data costs.
    """

    ideal: tuple[int, ...]
    cycles: tuple[tuple[int, ...], ...]

    @property
    def totals(self) -> tuple[int, ...]:
        """Cycles per memory, of all layers."""
        return tuple(map(sum, self.cycles))


class _Head(ctypes.Structure):
    """The first members of `flash_model` in flash.c."""

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
        *((name, ctypes.c_uint32 * _MOST_MEMORIES) for name in ("wait_states", "read_bytes", "has_prefetch")),
    ]


class FlashModel:
    """Counts cycles on several memories in one run; an observer of `mcuq.verify.machines.run_image`.

    Args:
        image: the program; its constants lie in its machine's flash.
        marks: addresses that steer it.
        prices: `[halfwords, 4]`: of each instruction alone, behind another and as a taken branch; whether it
                always is one.
        base: the first address of these.
        memories: what to model.
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
        memories: Sequence[Flash],
        layers: int,
        constants: range,
        workdir: Path,
    ) -> None:
        """Compile the callbacks."""
        assert image.machine is not None and len(memories) <= _MOST_MEMORIES
        self.cycles: Array = np.zeros((len(memories) + 1, layers), np.uint64)
        self._prices = prices
        self._library = ctypes.CDLL(str(compile_observer(SOURCE, workdir)))
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
        )
        for number, memory in enumerate(memories):
            head.wait_states[number] = memory.wait_states
            head.read_bytes[number] = memory.read_bytes
            head.has_prefetch[number] = memory.has_prefetch
        ctypes.memmove(self._state, ctypes.byref(head), ctypes.sizeof(head))
        self._library.flash_begin(self._state)

    def attach(self, core: object) -> None:
        """Hook the callbacks into a core."""
        import unicorn

        user = ctypes.cast(self._state, ctypes.c_void_p)
        add_native_hook(core, unicorn.UC_HOOK_CODE, self._library.flash_on_instruction, user)
        add_native_hook(core, unicorn.UC_HOOK_MEM_READ, self._library.flash_on_load, user)


def count_silicon(
    image: Image,
    stdin: bytes,
    layers: int,
    workdir: Path,
    *,
    memories: Sequence[Flash] = SILICON,
    constants: tuple[str, int] | None = None,
) -> Silicon:
    """Run a program whose marks are those of templates/profile/harness.c.j2, twice.

    Args:
        image: the program.
        stdin: what it reads.
        layers: marks and one.
        workdir: a folder for the counters.
        memories: what to model.
        constants: a variable and its bytes, which the modelled flash holds although RAM does.
    """
    elf = read_elf(image.path)
    base = min(address for address, _ in elf.code)
    end = max(address + len(code) for address, code in elf.code)
    addresses = (elf.symbols.get(f"mcuq_profile_{name}") for name in ("start", "mark", "stop"))
    marks = StepMarks(*(1 if address is None else address & ~1 for address in addresses))
    counter = BlockCounter(base, end - base, layers, marks, workdir / "blocks")
    first = run_image(image, stdin, "unicorn", TIMEOUT_S, observer=counter)
    begin = 0 if constants is None else elf.symbols[constants[0]]
    stored = range(begin, begin + (0 if constants is None else constants[1]))
    prices = _prices(counter, elf)
    model = FlashModel(image, marks, prices, base, memories, layers, stored, workdir / "flash")
    second = run_image(image, stdin, "unicorn", TIMEOUT_S, observer=model)
    assert first.exit_code == second.exit_code == 0, (first.exit_code, second.exit_code)
    ideal, *cycles = (tuple(map(int, row)) for row in model.cycles)
    return Silicon(ideal, tuple(cycles))


def _prices(counter: BlockCounter, elf: Elf) -> Array:
    """What each instruction of the blocks that ran costs, by its halfword."""
    model = load_cycle_model("cortex-m4")
    assert model is not None
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


def measure_silicon(firmware: Firmware, folder: Path) -> Silicon:
    """One run of a firmware for the Cortex-M4, all layers in one sum.

    Args:
        firmware: what to run.
        folder: for the program.
    """
    plan = firmware.plan
    core = load_target(plan.target).core
    model = model_view(plan, firmware.name, ())
    folder.mkdir(parents=True, exist_ok=True)
    harness = folder / "harness.c"
    harness.write_bytes(render("profile/harness.c.j2", model=model))
    sources = [firmware.directory / f"src/{firmware.name}{part}.c" for part in ("", "_weights")]
    image = build_image(
        core,
        find_toolchain(core),
        [*sources, harness],
        workdir=folder,
        include_dirs=[firmware.directory / "include", firmware.directory / "src"],
        opt="-O2",
    )
    stdin = b"".join(x.tobytes() for x in selftest_inputs(plan.program, 1))
    return count_silicon(image, stdin, 1, folder)

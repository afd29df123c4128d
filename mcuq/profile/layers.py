"""Counting what each layer of a program executes, on the emulator that suits its core."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mcuq.errors import fail
from mcuq.flash_modes import FlashMode
from mcuq.profile.counter import BlockCounter, StepMarks
from mcuq.profile.cycles import CycleModel, block_cost
from mcuq.profile.plugin import count_on_qemu
from mcuq.profile.silicon import Silicon, count_silicon
from mcuq.verify.image import Image
from mcuq.verify.machines import Run, run_image
from mcuq.verify.machines.elf import Elf, read_elf

_TIMEOUT_S = 600.0


@dataclasses.dataclass(frozen=True, slots=True)
class Counted:
    """What a program between marks executed.

    Args:
        layers: (instructions, cycles) from the start or one mark to the next.
        output: what the program wrote.
        silicon: cycles on the memories that were asked for, None where none were.
    """

    layers: list[tuple[int, int]]
    output: bytes
    silicon: Silicon | None = None


def count_layers(
    image: Image,
    stdin: bytes,
    layers: int,
    model: CycleModel | None,
    workdir: Path,
    *,
    memories: Sequence[FlashMode] = (),
    constants: tuple[str, int] | None = None,
) -> Counted:
    """Run a program whose marks are those of templates/profile/harness.c.j2.

    Args:
        image: the program.
        stdin: what it reads.
        layers: how many there are, that is, marks and one; what is behind the last counts with it.
        model: the core's table; without one, every instruction is one cycle.
        workdir: a folder for the counter.
        memories: flashes to model in a second run; they need a table.
        constants: a variable and its bytes, which these hold although RAM does.

    Raises:
        McuqError: V003 where the program fails, T002 without tools.
    """
    elf, marks = read_elf(image.path), profile_marks(image)
    if image.core.arch != "arm" or image.core.unicorn_cpu is None:
        assert model is None, "cycles are priced in what Unicorn counts"
        run, counts = count_on_qemu(image, stdin, marks, layers, workdir, _TIMEOUT_S)
        _check_end(image, run)
        return Counted([(each, each) for each in counts], run.output)
    base = min(address for address, _ in elf.code)
    end = max(address + len(code) for address, code in elf.code)
    counter = BlockCounter(base, end - base, layers, marks, workdir)
    run = run_image(image, stdin, "unicorn", _TIMEOUT_S, observer=counter)
    _check_end(image, run)
    priced = model or CycleModel("", dict.fromkeys(_COST_NAMES, 1), {})
    silicon = None
    if memories:
        folder = workdir / "silicon"
        silicon = count_silicon(
            image, stdin, counter, elf, priced, folder, memories=memories, constants=constants
        )
    return Counted(_totals(counter, elf, base, priced), run.output, silicon)


def profile_marks(image: Image) -> StepMarks:
    """The addresses of a program's marks."""
    symbols = read_elf(image.path).symbols
    # The linker drops the mark that nothing calls; no code lies at an odd address.
    addresses = (symbols.get(f"mcuq_profile_{name}") for name in ("start", "mark", "stop"))
    return StepMarks(*(1 if address is None else address & ~1 for address in addresses))


def _check_end(image: Image, run: Run) -> None:
    if run.exit_code != 0:
        raise fail(
            "V003",
            "the firmware failed",
            where=f"profile on {image.core.name}",
            why=f"the exit code is {run.exit_code}",
            fix="verify it first: `mcuq verify`",
        )


_COST_NAMES = (
    "default",
    "load",
    "load_pipelined",
    "store",
    "address_wait",
    "multiple",
    "load_double",
    "refill_direct",
    "refill_indirect",
    "table_branch",
)


def _totals(counter: BlockCounter, elf: Elf, base: int, model: CycleModel) -> list[tuple[int, int]]:
    memory = bytearray(2 * len(counter.sizes))
    for address, code in elf.code:
        memory[address - base : address - base + len(code)] = code
    used = np.flatnonzero(counter.runs.sum(axis=0))
    costs = [
        block_cost(bytes(memory[2 * i : 2 * i + int(counter.sizes[i])]), base + 2 * int(i), model)
        for i in used
    ]
    instructions, cycles, refill = (
        np.array([getattr(cost, field) for cost in costs], np.uint64)
        for field in ("instructions", "cycles", "refill")
    )
    runs, taken = counter.runs[:, used], counter.taken[:, used]
    counted = runs @ instructions
    spent = runs @ cycles + taken @ refill
    return [(int(a), int(b)) for a, b in zip(counted, spent, strict=True)]

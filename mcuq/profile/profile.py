"""Build firmware for its core, run it once on the emulator, and count."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from mcuq.codegen.manifest import sizes
from mcuq.codegen.model_view import model_view
from mcuq.codegen.render import render
from mcuq.codegen.selftest import selftest_inputs
from mcuq.codegen.view import ModelView
from mcuq.errors import fail
from mcuq.files import scratch_folder
from mcuq.ir.plan import Plan
from mcuq.profile.counter import BlockCounter, StepMarks
from mcuq.profile.cycles import CycleModel, block_cost, load_cycle_model
from mcuq.profile.flash import measure_flash
from mcuq.profile.plugin import count_on_qemu
from mcuq.profile.result import LayerCost, Profile
from mcuq.profile.stack import deepest, read_frames, read_stack_usage
from mcuq.targets import Target, load_target
from mcuq.verify.image import Image, build_image
from mcuq.verify.machines import Run, run_image
from mcuq.verify.machines.disassembly import disassemble
from mcuq.verify.machines.elf import Elf, read_elf
from mcuq.verify.toolchain import Kind, Toolchain, find_toolchain

Opt: TypeAlias = Literal["-O0", "-Os", "-O2", "-O3"]
DEFAULT_OPT: Opt = "-O2"
_TIMEOUT_S = 600.0
_NO_MODEL = "instructions only: no cycle model is validated for this core"


def profile_firmware(
    directory: Path, plan: Plan, name: str, *, compiler: Kind = "auto", opt: Opt = DEFAULT_OPT
) -> Profile:
    """Measure a firmware directory on its target's core.

    Two programs run: one with a mark after every step gives the layers, one without gives the whole.

    Args:
        directory: the firmware directory.
        plan: what it was built from.
        name: its C name.
        compiler: which compiler; by default the one that users of the core ship with.
        opt: its optimization option.

    Raises:
        McuqError: O013 for the host, T002 without compilers or an emulator that counts, T003, V003.
    """
    target = load_target(plan.target)
    _check_target(target)
    toolchain = find_toolchain(target.core, compiler)
    model = model_view(plan, name, ())
    stdin = b"".join(x.tobytes() for x in selftest_inputs(plan.program, 1))
    cycles = load_cycle_model(target.core.name)
    size = sizes(plan)
    with scratch_folder("profile") as work:
        images = {
            traced: build_profiled(directory, model, toolchain, work, is_traced=traced, opt=opt)
            for traced in (True, False)
        }
        layers = count_layers(images[True], stdin, len(model.results) + 1, cycles, work / "layers").layers
        whole = count_layers(images[False], stdin, 1, cycles, work / "whole")
        flash = measure_flash(images[False], model, directory / "include", size["weights_bytes"], opt)
        stack = claimed_stack(images[False], name)
    ((instructions, total),) = whole.layers
    return Profile(
        toolchain=str(toolchain),
        flags=" ".join((*toolchain.core_flags, opt)),
        core=target.core.name,
        note=_NO_MODEL if cycles is None else cycles.note,
        instructions=instructions,
        cycles=None if cycles is None else total,
        macs=size["macs"],
        flash=flash,
        arena_bytes=size["arena_bytes"],
        io_bytes=size["input_bytes"] + size["output_bytes"] + size.get("state_bytes", 0),
        stack_bytes=stack,
        stack_painted_bytes=int.from_bytes(whole.output, "little"),
        clock_hz=None if target.board is None else target.board.clock_hz,
        layers=_layer_costs(plan, layers[: len(model.results)], cycles),
    )


def _check_target(target: Target) -> None:
    if target.core.is_host:
        raise fail(
            "O013",
            f"firmware for '{target.name}' cannot be profiled",
            where="profile",
            why="it counts on emulated cores, and the host is none",
            fix="build for a core or a board: `mcuq targets` lists them",
        )


def build_profiled(
    directory: Path, model: ModelView, toolchain: Toolchain, work: Path, *, is_traced: bool, opt: str
) -> Image:
    """The program that is profiled: it paints its stack, runs the model once, and writes how much was used.

    Args:
        directory: the firmware directory.
        model: its names.
        toolchain: the compiler.
        work: a folder, in which one is made.
        is_traced: whether a mark stands after every step.
        opt: the optimization option.

    Raises:
        McuqError: T001, T003.
    """
    folder = work / ("traced" if is_traced else "plain")
    folder.mkdir()
    harness = folder / "harness.c"
    harness.write_bytes(render("profile/harness.c.j2", model=model))
    return build_image(
        toolchain.core,
        toolchain,
        [directory / f"src/{model.name}.c", directory / f"src/{model.name}_weights.c", harness],
        workdir=folder,
        include_dirs=[directory / "include", directory / "src"],
        defines={f"{model.macro}_TRACE": "1"} if is_traced else {},
        opt=opt,
        extra_flags=["-fstack-usage"],
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Counted:
    """What a program between marks executed.

    Args:
        layers: (instructions, cycles) from the start or one mark to the next.
        output: what the program wrote.
    """

    layers: list[tuple[int, int]]
    output: bytes


def count_layers(image: Image, stdin: bytes, layers: int, model: CycleModel | None, workdir: Path) -> Counted:
    """Run a program whose marks are those of templates/profile/harness.c.j2.

    Args:
        image: the program.
        stdin: what it reads.
        layers: how many there are, that is, marks and one; what is behind the last counts with it.
        model: the core's table; without one, every instruction is one cycle.
        workdir: a folder for the counter.

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
    return Counted(_totals(counter, elf, base, priced), run.output)


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


def _layer_costs(
    plan: Plan, counts: Sequence[tuple[int, int]], model: CycleModel | None
) -> tuple[LayerCost, ...]:
    """What was counted up to each mark; of a step with several outputs each has one."""
    costs = []
    marks = iter(counts)
    for index in plan.memory.order:
        step = plan.program.steps[index]
        instructions, cycles = (sum(both) for both in zip(*(next(marks) for _ in step.outputs), strict=True))
        macs = step.op.macs(plan.program.tensors[step.output].shape)
        kernel = plan.calls[index].kernel
        shown = None if model is None else cycles
        costs.append(LayerCost(step.name, step.op.kind, kernel, macs, instructions, shown))
    return tuple(costs)


def claimed_stack(image: Image, name: str) -> int:
    """Bytes of the deepest chain of calls from a model's run function on.

    Args:
        image: a program with the model, compiled with -fstack-usage where the compiler knows that.
        name: the model's C name.
    """
    reported = read_stack_usage(sorted(image.path.parent.rglob("*.o")))
    return deepest(f"{name}_run", read_frames(disassemble(image)), reported)

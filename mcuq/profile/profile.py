"""Build firmware for its core, run it once on the emulator, and count."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from mcuq.codegen.manifest import sizes
from mcuq.codegen.model_view import model_view
from mcuq.codegen.render import render
from mcuq.codegen.selftest import selftest_inputs
from mcuq.codegen.view import ModelView
from mcuq.files import scratch_folder
from mcuq.flash_modes import FlashMode
from mcuq.ir.plan import Plan
from mcuq.profile.cycles import CycleModel, load_cycle_model
from mcuq.profile.flash import Flash, measure_flash
from mcuq.profile.layers import Counted, count_layers
from mcuq.profile.memory import profiled_target, trust_note
from mcuq.profile.result import LayerCost, Profile
from mcuq.profile.stack import deepest, read_frames, read_stack_usage
from mcuq.verify.image import Image, build_image
from mcuq.verify.library import Library, find_library
from mcuq.verify.machines.disassembly import disassemble
from mcuq.verify.toolchain import Kind, Toolchain, find_toolchain

Opt: TypeAlias = Literal["-O0", "-Os", "-O2", "-O3"]
DEFAULT_OPT: Opt = "-O2"


def profile_firmware(
    directory: Path,
    plan: Plan,
    name: str,
    *,
    compiler: Kind = "auto",
    opt: Opt = DEFAULT_OPT,
    board: str | None = None,
    flash: str | None = None,
    cmsis_nn: Path | None = None,
) -> Profile:
    """Measure a firmware directory on its target's core.

    Two programs run: one with a mark after every step gives the layers, one without gives the whole.

    Args:
        directory: the firmware directory.
        plan: what it was built from.
        name: its C name.
        compiler: which compiler; by default the one that users of the core ship with.
        opt: its optimization option.
        board: whose flash and clock count, by default that which the firmware was built for.
        flash: the mode of its flash, by default that which the firmware was built for, of another board as it
            is shipped.
        cmsis_nn: where that library is, for firmware that calls it; by default where the environment says.

    Raises:
        McuqError: O002 for an unknown board, O020 for an unknown mode, O013 for the host and for a
            board of another core, T002 without compilers or an emulator that counts, T003, V003.
    """
    target = profiled_target(plan, board, flash)
    memory = target.flash_mode
    toolchain = find_toolchain(target.core, compiler)
    cycles = load_cycle_model(target.core.name)
    memories = () if memory is None or cycles is None else (memory,)
    library = find_library(plan, cmsis_nn)
    found = _measure(directory, plan, name, toolchain, opt, cycles, memories, library)
    size = sizes(plan)
    ((instructions, zero_wait),) = found.whole.layers
    return Profile(
        toolchain=str(toolchain),
        flags=" ".join((*toolchain.core_flags, opt)),
        core=target.core.name,
        board=None if target.board is None else target.board.name,
        flash_mode=memory if memories else None,
        note=trust_note(target, cycles, memory),
        instructions=instructions,
        cycles=None if cycles is None else _modelled(found.whole)[0],
        zero_wait_cycles=None if cycles is None else zero_wait,
        macs=size["macs"],
        flash=found.flash,
        arena_bytes=size["arena_bytes"],
        io_bytes=size["input_bytes"] + size["output_bytes"] + size.get("state_bytes", 0),
        stack_bytes=found.stack_bytes,
        stack_painted_bytes=int.from_bytes(found.whole.output, "little"),
        clock_hz=None if target.board is None else target.board.clock_hz,
        layers=_layer_costs(plan, found.layers, cycles),
    )


@dataclasses.dataclass(frozen=True, slots=True)
class _Found:
    layers: Counted  # with marks
    whole: Counted  # without
    flash: Flash
    stack_bytes: int


def _measure(
    directory: Path,
    plan: Plan,
    name: str,
    toolchain: Toolchain,
    opt: Opt,
    cycles: CycleModel | None,
    memories: Sequence[FlashMode],
    library: Library | None,
) -> _Found:
    model = model_view(plan, name, ())
    stdin = b"".join(x.tobytes() for x in selftest_inputs(plan.program, 1))
    with scratch_folder("profile") as work:
        traced, plain = (
            build_profiled(directory, model, toolchain, work, is_traced=is_traced, opt=opt, library=library)
            for is_traced in (True, False)
        )
        layers, whole = (
            count_layers(image, stdin, count, cycles, work / folder, memories=memories)
            for image, count, folder in ((traced, len(model.results) + 1, "layers"), (plain, 1, "whole"))
        )
        weights = sizes(plan)["weights_bytes"]
        flash = measure_flash(plain, model, directory / "include", weights, opt)
        return _Found(layers, whole, flash, claimed_stack(plain, name))


def measure_flash_alone(
    directory: Path, plan: Plan, name: str, cmsis_nn: Path | None = None, opt: Opt = DEFAULT_OPT
) -> Flash:
    """Flash of a firmware directory as `profile_firmware` measures it, without an emulator.

    Args:
        directory: the firmware directory.
        plan: what it was built from.
        name: its C name.
        cmsis_nn: where that library is, for firmware that calls it; by default where the environment says.
        opt: the compiler's optimization option.

    Raises:
        McuqError: O013 for the host, T002 without a compiler, T001 and T003 as it says.
    """
    library = find_library(plan, cmsis_nn)
    toolchain = find_toolchain(profiled_target(plan, None, None).core)
    model = model_view(plan, name, ())
    with scratch_folder("profile") as work:
        image = build_profiled(directory, model, toolchain, work, is_traced=False, opt=opt, library=library)
        return measure_flash(image, model, directory / "include", sizes(plan)["weights_bytes"], opt)


def _modelled(counted: Counted) -> list[int]:
    """Cycles per layer, on the flash where one was modelled."""
    if counted.silicon is not None:
        return list(counted.silicon.cycles[0])
    return [cycles for _, cycles in counted.layers]


def build_profiled(
    directory: Path,
    model: ModelView,
    toolchain: Toolchain,
    work: Path,
    *,
    is_traced: bool,
    opt: str,
    library: Library | None = None,
) -> Image:
    """The program that is profiled: it paints its stack, runs the model once, and writes how much was used.

    Args:
        directory: the firmware directory.
        model: its names.
        toolchain: the compiler.
        work: a folder, in which one is made.
        is_traced: whether a mark stands after every step.
        opt: the optimization option.
        library: that which the firmware calls, None where it calls none.

    Raises:
        McuqError: T001, T003.
    """
    flags = ["-fstack-usage"]
    folder = work / ("traced" if is_traced else "plain")
    folder.mkdir()
    harness = folder / "harness.c"
    harness.write_bytes(render("profile/harness.c.j2", model=model))
    objects = []
    if library is not None:
        objects = library.compile(toolchain, directory, folder / "library", opt=opt, extra_flags=flags)
        flags = [*flags, *library.headers]
    return build_image(
        toolchain.core,
        toolchain,
        [directory / f"src/{model.name}.c", directory / f"src/{model.name}_weights.c", harness],
        workdir=folder,
        include_dirs=[directory / "include", directory / "src"],
        # Cycles are those of flash and RAM wherever parts of the model are placed.
        defines={f"{model.macro}_NO_SECTIONS": "1"} | ({f"{model.macro}_TRACE": "1"} if is_traced else {}),
        opt=opt,
        extra_flags=flags,
        more_objects=objects,
    )


def _layer_costs(plan: Plan, counted: Counted, model: CycleModel | None) -> tuple[LayerCost, ...]:
    """What was counted up to each mark; of a step with several outputs each has one."""
    costs = []
    marks = iter(
        (instructions, zero_wait, cycles)
        for (instructions, zero_wait), cycles in zip(counted.layers, _modelled(counted), strict=True)
    )
    for index in plan.memory.order:
        step = plan.program.steps[index]
        rows = [next(marks) for _ in step.outputs]
        instructions, zero_wait, cycles = (sum(column) for column in zip(*rows, strict=True))
        macs = step.op.macs(plan.program.tensors[step.output].shape)
        kernel = plan.calls[index].kernel
        shown = (None, None) if model is None else (cycles, zero_wait)
        costs.append(LayerCost(step.name, step.op.kind, kernel, macs, instructions, *shown))
    return tuple(costs)


def claimed_stack(image: Image, name: str) -> int:
    """Bytes of the deepest chain of calls from a model's run function on.

    Args:
        image: a program with the model, compiled with -fstack-usage where the compiler knows that.
        name: the model's C name.
    """
    reported = read_stack_usage(sorted(image.path.parent.rglob("*.o")))
    return deepest(f"{name}_run", read_frames(disassemble(image)), reported)

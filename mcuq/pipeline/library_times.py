"""Whether a library is faster than mcuq's kernels, step by step: both run on the emulator and are counted."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from mcuq.codegen.emit import emit_firmware
from mcuq.errors import fail
from mcuq.files import scratch_folder
from mcuq.ir.kernel_set import KernelSet, LibraryTimes, StepTime
from mcuq.ir.plan import Plan
from mcuq.ir.program import Optimize, Program
from mcuq.pipeline.directory import write_files
from mcuq.pipeline.planning import check_library, plan_program, with_times_of
from mcuq.profile.profile import DEFAULT_OPT, Opt, profile_firmware
from mcuq.profile.result import LayerCost, Profile
from mcuq.targets import Target


def measure_library(program: Program, target: Target, name: str, cmsis_nn: Path | None) -> Program:
    """The program with the times that decide whose kernels compute a step, where they have to be measured.

    The model is built twice, by mcuq's kernels and with the library wherever it has a step, and a third time
    with the library in the steps in which it was faster: those have to pay in the whole run as well.

    Args:
        program: what is built.
        target: for what.
        name: its C name.
        cmsis_nn: where the library is; default: see `find_library`.

    Returns:
        The program itself if it does not ask for a choice or has one for this target.

    Raises:
        McuqError: O013 with layers in strips, and for targets that are no Cortex-M; O029 without the
            library; T002 without compilers or an emulator; T003.
    """
    program = with_times_of(program, target)
    if program.kernels is not KernelSet.AUTO or program.library_times is not None:
        return program
    check_library(program, target)
    _check_whole_layers(program)
    bench = _Bench(program, target, name, cmsis_nn)
    library_plan, library = bench.run(dataclasses.replace(program, kernels=KernelSet.CMSIS_NN))
    own_plan, own = bench.run(dataclasses.replace(program, kernels=KernelSet.OWN))
    unit = "instructions" if own.cycles is None else "cycles"
    own_run = _time(own, unit)
    # Each program computes the same steps, in an order of its own.
    ours, theirs = _by_step(own_plan, own), _by_step(library_plan, library)
    steps = tuple(
        StepTime(index, _time(ours[index], unit), _time(theirs[index], unit))
        for index, call in enumerate(library_plan.calls)
        if call.is_library_call
    )
    # A run that takes nothing lets every step be chosen that is faster by itself.
    tried = LibraryTimes(target.name, target.flash_name, unit, steps, own_run, mixed_run=0)
    chosen = [each.step for each in steps if tried.reason(each.step) is None]
    mixed_run = own_run
    if chosen:
        mixed_run = _time(bench.run(dataclasses.replace(program, library_times=tried))[1], unit)
    return dataclasses.replace(program, library_times=dataclasses.replace(tried, mixed_run=mixed_run))


def _check_whole_layers(program: Program) -> None:
    if program.optimize is Optimize.RAM:
        raise fail(
            "O013",
            "two options contradict each other",
            where="--kernels auto and --optimize ram",
            why="whole layers are measured, and layers in strips take other times",
            fix="give --kernels own or cmsis-nn, or another --optimize",
        )


def _by_step(plan: Plan, profile: Profile) -> dict[int, LayerCost]:
    """The price of each step."""
    return dict(zip(plan.memory.order, profile.layers, strict=True))


def _time(cost: LayerCost | Profile, unit: str) -> int:
    if unit == "instructions":
        return cost.instructions
    assert cost.cycles is not None, "a core with a model of cycles"
    return cost.cycles


@dataclasses.dataclass(frozen=True, slots=True)
class _Bench:
    """Builds and profiles variants of a program.

    Args:
        program: what is built.
        target: for what.
        name: its C name.
        cmsis_nn: where the library is.
    """

    program: Program
    target: Target
    name: str
    cmsis_nn: Path | None

    def run(self, program: Program) -> tuple[Plan, Profile]:
        """The plan of a variant, and its profile."""
        opt: Opt = "-Os" if program.optimize is Optimize.SIZE else DEFAULT_OPT
        plan = plan_program(program, self.target, is_checked=False)
        with scratch_folder("library") as folder:
            write_files(folder, emit_firmware(plan, self.name, self.target.core.isa))
            return plan, profile_firmware(folder, plan, self.name, opt=opt, cmsis_nn=self.cmsis_nn)

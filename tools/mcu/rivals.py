"""Layers of a network on any core: with the kernel that a build chooses, and with each portable one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path

from mcuq.codegen.emit import emit_firmware
from mcuq.codegen.model_view import model_view
from mcuq.codegen.selftest import selftest_inputs
from mcuq.eliminate.eliminate import eliminate_channels
from mcuq.ir.plan import Plan
from mcuq.ir.program import Program
from mcuq.kernels.candidates import find_candidates
from mcuq.kernels.core import CoreKernels, core_kernels
from mcuq.kernels.registry import isa_variants
from mcuq.memory.planner import plan_memory
from mcuq.pipeline.directory import write_files
from mcuq.pipeline.planning import plan_program
from mcuq.profile.cycles import load_cycle_model
from mcuq.profile.layers import count_layers
from mcuq.profile.profile import DEFAULT_OPT, build_profiled
from mcuq.targets import Core, load_target
from mcuq.verify.toolchain import find_toolchain

PORTABLE = "portable"
# What two builds of the same kernel may differ by: the compiler inlines what is called once, and spills
# around a call what it likes.
NOISE_PERCENT, NOISE = 1, 50
_KNOWN = "#define MCUQ_CALLED MCUQ_KERNEL __attribute__((noinline))"
_UNKNOWN = "#define MCUQ_CALLED MCUQ_KERNEL __attribute__((noipa))"

Costs = Mapping[int, tuple[str, int]]  # kernel and cost, by the program's step


@dataclasses.dataclass(frozen=True)
class Rivalry:
    """A layer whose chosen kernel is not the only one.

    Args:
        network: its C name.
        layer: its name.
        shapes: of its inputs and its output.
        kernel: the chosen one.
        cost: with it, in the unit of `mcuq profile` on the core.
        rival: the portable kernel that costs least of those that were not chosen.
        rival_cost: with that.
    """

    network: str
    layer: str
    shapes: str
    kernel: str
    cost: int
    rival: str
    rival_cost: int

    @property
    def ratio(self) -> float:
        """Above 1 where the portable kernel is the better one."""
        return self.cost / self.rival_cost

    @property
    def is_slower(self) -> bool:
        """Whether the chosen kernel costs more than the noise of builds explains."""
        return 100 * (self.cost - self.rival_cost - NOISE) > NOISE_PERCENT * self.rival_cost


def unit(core: str) -> str:
    """In which layers are counted on a core."""
    return "instructions" if load_cycle_model(core) is None else "cycles"


def find_rivalries(network: str, program: Program, core_name: str, folder: Path) -> Iterator[Rivalry]:
    """Build a program for a core, and again with every portable kernel for each layer.

    Args:
        network: its C name.
        program: with all of its channels.
        core_name: the core.
        folder: for what is built.
    """
    core = load_target(core_name).core
    plan = plan_program(program, core_name)
    chosen = measure_plan(plan, network, folder / "chosen")
    rivals: dict[int, tuple[str, int]] = {}
    for number, other in enumerate(_portable_plans(program, core)):
        assert len(other.calls) == len(plan.calls), "channels are dropped, steps are not"
        if all(a.kernel == b.kernel for a, b in zip(plan.calls, other.calls, strict=True)):
            continue
        for step, (kernel, cost) in measure_plan(other, network, folder / f"portable{number}").items():
            if kernel != chosen[step][0] and (step not in rivals or cost < rivals[step][1]):
                rivals[step] = kernel, cost
    for index, rival in sorted(rivals.items()):
        step = plan.program.steps[index]
        tensors = (*step.inputs, *step.outputs[:1])
        shapes = " ".join("x".join(map(str, plan.program.tensors[each].shape)) for each in tensors)
        yield Rivalry(network, step.name, shapes, *chosen[index], *rival)


def _portable_plans(program: Program, core: Core) -> Iterator[Plan]:
    """The first portable kernel of every step, the second of every step that has one, and so on."""
    known = core_kernels(core)
    kernels = CoreKernels(core, isa_variants(PORTABLE), known.costs)
    whole = program
    if not whole.keeps_channels:
        program = eliminate_channels(whole, kernels.channel_multiple).program
    found = find_candidates(program, kernels, core.name)
    for number in range(max(map(len, found.steps))):
        choice = tuple(min(number, len(each) - 1) for each in found.steps)
        memory = plan_memory(program, found.scratch(choice), walks=found.walks(choice))
        yield Plan(program, core.name, found.calls(choice, program.optimize), memory, whole)


def _hide_parameters(folder: Path) -> None:
    """Keep the compiler from using what it knows of the parameters, as costs of kernels are measured.

    What it gains by them depends on how many layers call a kernel, and is largest for plain kernels.
    """
    (path,) = folder.rglob("mcuq_common.h")
    text = path.read_text("utf-8")
    assert text.count(_KNOWN) == 1
    path.write_text(text.replace(_KNOWN, _UNKNOWN), "utf-8")


def measure_plan(plan: Plan, name: str, folder: Path) -> Costs:
    """What each step costs on the core, built as `mcuq profile` builds it, with a mark after every step.

    Args:
        plan: what to build.
        name: its C name.
        folder: for the firmware; made here.
    """
    core = load_target(plan.target).core
    write_files(folder, emit_firmware(plan, name, core.isa))
    _hide_parameters(folder)
    model, toolchain = model_view(plan, name, ()), find_toolchain(core)
    image = build_profiled(folder, model, toolchain, folder, is_traced=True, opt=DEFAULT_OPT)
    stdin = b"".join(x.tobytes() for x in selftest_inputs(plan.program, 1))
    cycles = load_cycle_model(core.name)
    marks = iter(count_layers(image, stdin, len(model.results) + 1, cycles, folder / "counter").layers)
    order = plan.memory.order
    return {
        index: (plan.calls[index].kernel, sum(next(marks)[1] for _ in plan.program.steps[index].outputs))
        for index in order
    }

"""What a build may need at most, as asked and as the board has it: checked before anything is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from mcuq.codegen.manifest import sizes
from mcuq.codegen.model_view import model_view
from mcuq.errors import McuqError, Problem
from mcuq.files import scratch_folder
from mcuq.ir.plan import Plan
from mcuq.ir.program import Optimize
from mcuq.kernels.costs import Unit
from mcuq.memory.regions import placed_bytes, placement_problems
from mcuq.pipeline.budget_help import Advisor
from mcuq.pipeline.budget_layers import Resource, heaviest
from mcuq.pipeline.directory import write_files
from mcuq.profile.profile import DEFAULT_OPT, Opt, measure_flash_alone, profile_firmware
from mcuq.profile.result import Profile
from mcuq.targets import Target
from mcuq.tune.limits import CostLimits

# Without compilers or an emulator for it, a core is not measured; the host never is.
_NOT_MEASURED = ("T002", "O013")
NeedUnit: TypeAlias = Literal["bytes"] | Unit


@dataclasses.dataclass(frozen=True, slots=True)
class BuildBudget(CostLimits):
    """What a build may need at most; None for any.

    Args:
        flash_bytes: of constants and code.
        ram_bytes: of the arena, the buffers of inputs and outputs, and state; not of the stack.
        cycles: of a run.
        stack_bytes: of a run.
    """

    stack_bytes: int | None = None

    def limits(self) -> Iterator[tuple[Resource, str, int]]:
        """What is limited, by which option, to what."""
        found: tuple[tuple[Resource, int | None], ...] = (
            ("flash", self.flash_bytes),
            ("RAM", self.ram_bytes),
            ("cycles", self.cycles),
            ("stack", self.stack_bytes),
        )
        for resource, limit in found:
            if limit is not None:
                yield resource, f"--max-{resource.lower()}", limit


@dataclasses.dataclass(frozen=True, slots=True)
class Need:
    """How much of something a build needs.

    Args:
        amount: how much.
        source: how that is known, for people.
        unit: of the amount.
    """

    amount: int
    source: str
    unit: NeedUnit = "bytes"


@dataclasses.dataclass(frozen=True, slots=True)
class KeptLimit:
    """A limit that a build keeps to.

    Args:
        resource: what is limited.
        option: by which option.
        limit: the most of it.
        need: how much of it the build needs.
    """

    resource: Resource
    option: str
    limit: int
    need: Need

    def to_json(self) -> dict[str, object]:
        """As it stands in the manifest: without what compilers measured, which differs between them."""
        return {"resource": self.resource, "limit": self.limit, "unit": self.need.unit}

    def warnings(self) -> tuple[str, ...]:
        """What was compared, where it is not what was limited."""
        if self.need.unit != "instructions":
            return ()
        text = (
            f"{self.option} {self.limit} was compared with {self.need.amount:_} instructions "
            f"({self.need.source}); how many cycles a run takes is NOT KNOWN"
        )
        return (text,)


@dataclasses.dataclass(frozen=True, slots=True)
class Needs:
    """What a build needs; None where nobody knows.

    Args:
        by: of each resource.
        profile: what the figures of layers are from, None where nothing was run.
        unknown: why something is not known.
    """

    by: Mapping[Resource, Need | None]
    profile: Profile | None = None
    unknown: str = ""


def check_budget(
    plan: Plan,
    target: Target,
    budget: BuildBudget,
    name: str,
    files: Mapping[str, bytes],
    narrowed: frozenset[str] | None,
    cmsis_nn: Path | None = None,
) -> tuple[KeptLimit, ...]:
    """Refuse a build that needs more than it may, or than its board has.

    Flash and cycles are measured where an option limits them and there is a compiler, for cycles an emulator
    too, for the core; otherwise they are those of the cost model that chooses kernels. On cores for which no
    model of cycles is validated, instructions stand for cycles. The stack is what the header states.

    Args:
        plan: what is built.
        target: for what.
        budget: what was asked.
        name: its C name.
        files: the firmware, which is measured.
        narrowed: names of the layers that `--weight-bits 4` would give four bits; None for a stored program,
            whose integers are settled.
        cmsis_nn: where that library is, for firmware that calls it; default: see `find_library`.

    Returns:
        The limits of options, with what was compared with them.

    Raises:
        McuqError: T001 for each memory of the board that is too small, T007 for each budget that is exceeded,
            all at once; T008 for one that cannot be checked.
    """
    modelled = _modelled(plan)
    limits = list(budget.limits())
    asked = {resource for resource, _, _ in limits}
    needs = modelled
    if asked & {"flash", "cycles"}:
        needs = _measured(plan, name, files, modelled, asked, cmsis_nn)
    advisor = Advisor(plan, target, narrowed)
    problems = [*_board_problems(plan, target, needs, advisor), *placement_problems(plan)]
    kept: list[KeptLimit] = []
    for resource, option, limit in limits:
        need = needs.by[resource]
        if need is None:
            problems.append(_unchecked(option, resource, target, needs.unknown))
        elif need.amount > limit:
            problems.append(_exceeded(plan, option, resource, limit, needs, advisor))
        else:
            kept.append(KeptLimit(resource, option, limit, need))
    if problems:
        raise McuqError(sorted(problems, key=lambda problem: problem.code == "T008"))
    return tuple(kept)


def _modelled(plan: Plan) -> Needs:
    """What is known without a compiler."""
    size, costs = sizes(plan), plan.costs
    parts = ("arena_bytes", "input_bytes", "output_bytes", "state_bytes")
    flash = None if costs is None else costs.flash_bytes
    stack = model_view(plan, "net", ()).stack_bytes
    model = "by the cost model of kernels"
    return Needs(
        {
            "flash": None if flash is None else Need(flash, f"constants and code, {model}"),
            "RAM": Need(
                sum(size.get(part, 0) for part in parts), "arena, buffers of inputs and outputs, and state"
            ),
            "cycles": _modelled_time(plan, model),
            "stack": None if stack is None else Need(stack, "the bound that the header states"),
        },
        unknown="the costs of its kernels were not measured on this core",
    )


def _modelled_time(plan: Plan, model: str) -> Need | None:
    """Cycles, or instructions where these have no model."""
    costs = plan.costs
    if costs is None or costs.run_time is None:
        return None
    if costs.run_cycles is not None:
        return Need(costs.run_cycles, model, "cycles")
    return Need(costs.run_time, f"{model}; {_instead(plan)}", "instructions")


def _instead(plan: Plan) -> str:
    return f"no model of cycles is validated for '{plan.resolved.core.name}'"


def _measured(
    plan: Plan,
    name: str,
    files: Mapping[str, bytes],
    modelled: Needs,
    asked: set[Resource],
    cmsis_nn: Path | None,
) -> Needs:
    """The same with flash and cycles as they are measured, where they can be."""
    by = dict(modelled.by)
    # As the cost model counts code, and as whoever wants small code compiles it.
    opt: Opt = "-Os" if plan.stored.optimize is Optimize.SIZE else DEFAULT_OPT
    try:
        with scratch_folder("budget") as folder:
            write_files(folder, files)
            profile = None
            if "cycles" in asked:
                profile = profile_firmware(folder, plan, name, opt=opt, cmsis_nn=cmsis_nn)
            flash = profile.flash if profile else measure_flash_alone(folder, plan, name, cmsis_nn, opt)
    except McuqError as error:
        first = error.problems[0]
        if first.code not in _NOT_MEASURED:
            raise
        return dataclasses.replace(modelled, unknown=f"{first.title}: {first.why}")
    by["flash"] = Need(flash.total, f"measured: constants and code, compiled with {opt}")
    if profile is None:
        return dataclasses.replace(modelled, by=by)
    if profile.cycles is None:
        by["cycles"] = Need(
            profile.instructions, f"counted on the emulated core; {_instead(plan)}", "instructions"
        )
    else:
        by["cycles"] = Need(profile.cycles, f"measured on the emulated core, {profile.note}", "cycles")
    return Needs(by, profile, modelled.unknown)


def _board_problems(plan: Plan, target: Target, needs: Needs, advisor: Advisor) -> Iterator[Problem]:
    """T001 for the board's flash and RAM; a figure that is not known is a part of what is needed."""
    if target.board is None:
        return
    size, flash, ram, stack = sizes(plan), needs.by["flash"], needs.by["RAM"], needs.by["stack"]
    assert ram is not None
    found: tuple[tuple[Resource, int, str, int | None], ...] = (
        (
            "flash",
            size["weights_bytes"] if flash is None else flash.amount,
            "of constants, without code" if flash is None else f"({flash.source})",
            target.flash_bytes,
        ),
        (
            "RAM",
            ram.amount + (0 if stack is None else stack.amount) + _moved_to_ram(plan, target),
            f"({ram.source}{', without stack' if stack is None else ', and stack'})",
            target.ram_bytes,
        ),
    )
    for resource, needed, what, available in found:
        if available is None or needed <= available:
            continue
        why = f"it needs {needed:_} bytes {what}, {available:_} are available"
        yield Problem(
            "T001",
            f"the model does not fit the {resource} of '{target.name}'",
            f"target '{target.name}'",
            f"{why}; {_heaviest(plan, resource, needs)}",
            advisor.advice(resource, needed, available, "choose a larger part, or a smaller model"),
        )


def _moved_to_ram(plan: Plan, target: Target) -> int:
    """What placement makes the board's RAM hold more than it would: less where the arena is away."""
    main = target.main_ram
    assert main is not None
    away = 0 if target.has_main_arena else plan.memory.arena_bytes
    here = placed_bytes(plan).get(main.name, 0)
    has_arena = target.placing is not None and target.placing.arena == main
    return here - away - (plan.memory.arena_bytes if has_arena else 0)


def _exceeded(
    plan: Plan, option: str, resource: Resource, limit: int, needs: Needs, advisor: Advisor
) -> Problem:
    need = needs.by[resource]
    assert need is not None
    why = f"it needs {need.amount:_} {need.unit} ({need.source}), {limit:_} are allowed"
    return Problem(
        "T007",
        f"the build exceeds its budget of {resource}",
        f"{option} {limit}",
        f"{why}; {_heaviest(plan, resource, needs)}",
        advisor.advice(resource, need.amount, limit, "allow more, or take a smaller model"),
    )


def _heaviest(plan: Plan, resource: Resource, needs: Needs) -> str:
    """Which layers weigh most."""
    found = heaviest(plan, resource, needs.profile)
    listed = ", ".join(f"{name!r} {amount:_}" for name, amount in found)
    return f"most of it by layer: {listed}" if listed else "no layer has a share of it"


def _unchecked(option: str, resource: Resource, target: Target, unknown: str) -> Problem:
    return Problem(
        "T008",
        f"a budget of {resource} cannot be checked",
        option,
        f"nothing says what '{target.name}' needs of it: {unknown}",
        f"leave {option} out, or build for a core that is measured: docs/targets.md",
    )

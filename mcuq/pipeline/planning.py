"""From a program to a plan for a target: kernels and memory together, because scratch buffers take RAM."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mcuq.eliminate.eliminate import Elimination, eliminate_channels
from mcuq.errors import fail
from mcuq.ir.plan import DroppedChannels, KernelCall, KernelCosts, MemoryMap, Plan, constant_bytes
from mcuq.ir.program import Optimize, Program
from mcuq.kernels.candidates import Candidates, Choice, find_candidates
from mcuq.kernels.choose import choose_kernels, total
from mcuq.kernels.core import CoreKernels, core_kernels
from mcuq.memory.check import check_memory
from mcuq.memory.planner import plan_memory
from mcuq.memory.regions import place_constants
from mcuq.memory.staging import Growth, missed_cycles, stage_constants
from mcuq.strips.rewrite import cut_program
from mcuq.strips.search import find_cuts
from mcuq.strips.times import StripCosts
from mcuq.targets import Target, load_target


def plan_program(
    program: Program, target: str | Target, flash: str | None = None, *, is_checked: bool = True
) -> Plan:
    """Drop channels, choose kernels, place every tensor, and prove the memory map.

    Args:
        program: the model in integers.
        target: a core or a board, by name or as loaded.
        flash: a mode of the board's flash, None for that in which it is shipped; of a target by name.
        is_checked: whether a model that does not fit the board is refused.

    Raises:
        McuqError: O002 unknown target, O020 unknown mode, T004 no kernel, T001 the model does not fit the
            board.
    """
    if isinstance(target, str):
        target = load_target(target, flash)
    check_library(program, target)
    program = with_times_of(program, target)
    whole = program
    dropped: tuple[DroppedChannels, ...] = ()
    if not whole.keeps_channels:
        found = eliminate_for(whole, target)
        program, dropped = found.program, found.dropped
    kernels = core_kernels(target.core, program.kernels)
    chosen = choose_and_place(program, target, kernels)
    if program.optimize is Optimize.RAM:
        program, chosen = _in_strips(program, chosen, target, kernels)
    memory, costs, mode = chosen.memory, chosen.costs, target.flash_mode
    constants = place_constants(chosen.calls, memory.arena_bytes, costs, target)
    # Every strip would copy the constants again.
    if mode is not None and not program.has_strips and _reads_flash(constants, target):
        memory = stage_constants(program, chosen.calls, memory, mode, _growth(program, chosen, target))
        memory = _staged_from_flash(memory, constants, target)
    if mode is not None:
        costs = dataclasses.replace(costs, missed_cycles=missed_cycles(chosen.calls, memory, mode))
    check_memory(
        program,
        [call.scratch_bytes for call in chosen.calls],
        memory,
        walks=[call.walks for call in chosen.calls],
    )
    plan = Plan(
        program, target.name, chosen.calls, memory, whole, dropped, costs, target.flash_name, target.own
    )
    if target.placing is not None:
        plan = dataclasses.replace(plan, place=target.placing.text, constants=constants)
    if is_checked:
        _check_fits(plan, target)
    return plan


def _flashes(target: Target) -> frozenset[str]:
    board = target.board
    return frozenset() if board is None else frozenset(each.name for each in board.memories if each.is_flash)


def _reads_flash(constants: Sequence[str], target: Target) -> bool:
    """Whether constants of any step lie in a flash."""
    return not constants or not _flashes(target).isdisjoint(constants)


def _staged_from_flash(memory: MemoryMap, constants: Sequence[str], target: Target) -> MemoryMap:
    """Only what lies in a flash waits in the arena: other memories do not stall the core."""
    if not constants or not memory.staged:
        return memory
    flashes, homes = _flashes(target), zip(memory.staged, constants, strict=True)
    staged = (each if home in flashes else () for each, home in homes)
    return dataclasses.replace(memory, staged=tuple(staged))


def with_times_of(program: Program, target: Target) -> Program:
    """The program without times of a library that were measured elsewhere than on a target."""
    times = program.library_times
    if times is None or (times.target, times.flash) == (target.name, target.flash_name):
        return program
    return dataclasses.replace(program, library_times=None)


def check_library(program: Program, target: Target) -> None:
    """Refuse a library for Cortex-M on other cores; on the host it is plain C.

    Raises:
        McuqError: O013.
    """
    if program.kernels.package is not None and target.core.arch == "riscv32":
        raise fail(
            "O013",
            "two options contradict each other",
            where=f"--kernels {program.kernels.value} and --target {target.name}",
            why=f"the library is for Arm's cores, {target.core.name} is none",
            fix="leave --kernels out, or name a Cortex-M",
        )


def _growth(program: Program, chosen: Chosen, target: Target) -> Growth | None:
    """How far the arena of a board may grow for constants that wait."""
    room = _arena_room(program, target)
    if room is None or program.optimize in (Optimize.SIZE, Optimize.RAM):
        return None
    if program.optimize is Optimize.SPEED:
        return Growth(None, room)
    return None if chosen.costs.cycles is None else Growth(chosen.costs.cycles, room)


def eliminate_for(program: Program, target: Target) -> Elimination:
    """Drop channels as far as that is good for the kernels of a target."""
    return eliminate_channels(program, core_kernels(target.core).channel_multiple)


def _in_strips(
    program: Program, whole: Chosen, target: Target, kernels: CoreKernels
) -> tuple[Program, Chosen]:
    """The program with layers in strips where that makes a smaller arena, and its kernels."""
    costs = StripCosts(program, kernels, [call.kernel for call in whole.calls])
    cut = cut_program(program, find_cuts(program, costs, program.max_recompute))
    if not cut.has_strips:
        return program, whole
    chosen = choose_and_place(cut, target, kernels)
    if chosen.memory.arena_bytes >= whole.memory.arena_bytes:
        return program, whole
    return cut, dataclasses.replace(
        chosen, costs=dataclasses.replace(chosen.costs, balanced=whole.costs.balanced)
    )


@dataclasses.dataclass(frozen=True)
class Chosen:
    """Kernels with the memory they need.

    Args:
        calls: per step.
        memory: where everything lies.
        costs: by the model.
    """

    calls: tuple[KernelCall, ...]
    memory: MemoryMap
    costs: KernelCosts


def choose_and_place(program: Program, target: Target, kernels: CoreKernels) -> Chosen:
    """The kernels that a program's `optimize` asks for, within the target's flash and RAM where they can be.

    Args:
        program: the model in integers.
        target: its limits.
        kernels: those to choose from.

    Raises:
        McuqError: T004 for every step that no variant accepts.
    """
    found = find_candidates(program, kernels, target.name, target.flash_mode)
    optimize, flash = program.optimize, target.flash_bytes
    room = _arena_room(program, target)
    choice, memory = _fitting(program, found, Optimize.BALANCED, flash, room)
    costs = balanced = _costs(found, choice, Optimize.BALANCED, optimize)
    if optimize is Optimize.RAM:
        costs = dataclasses.replace(_costs(found, choice, optimize, optimize), balanced=balanced)
    elif optimize is not Optimize.BALANCED:
        limit = memory.arena_bytes if optimize is Optimize.SIZE else room
        other, its_memory = _fitting(program, found, optimize, flash, limit)
        # The planner of memory is no exact optimizer: what does not keep to the limit is not taken.
        if limit is None or its_memory.arena_bytes <= max(limit, memory.arena_bytes):
            choice, memory = other, its_memory
        costs = dataclasses.replace(_costs(found, choice, optimize, optimize), balanced=balanced)
    return Chosen(found.calls(choice, optimize), memory, costs)


def _costs(found: Candidates, choice: Choice, optimize: Optimize, compiled: Optimize) -> KernelCosts:
    cost = total(found.steps, choice, found.costs.code_sizes(compiled))
    measured = KernelCosts(optimize, None, cost.constant_bytes, cost.code_bytes)
    if not found.costs.coefficients:
        return measured
    if found.costs.unit == "instructions":
        return dataclasses.replace(measured, instructions=cost.time)
    return dataclasses.replace(measured, cycles=cost.time, known_cycles=cost.known_time)


def _caller_tensors(program: Program) -> list[int]:
    """Those of the ports whose memory the caller gives."""
    inputs = () if program.consumes_inputs else program.inputs
    return [port.tensor for port in (*inputs, *program.outputs)]


def _arena_room(program: Program, target: Target) -> int | None:
    """Bytes that a board has for the arena."""
    placing = target.placing
    if placing is not None and placing.arena is not None and not target.has_main_arena:
        return placing.arena.range.bytes
    if target.ram_bytes is None:
        return None
    return target.ram_bytes - sum(program.tensors[tensor].size_bytes for tensor in _caller_tensors(program))


def _fitting(
    program: Program, found: Candidates, optimize: Optimize, flash: int | None, room: int | None
) -> tuple[Choice, MemoryMap]:
    """The best choice, with ever less scratch until its arena fits, or the smallest found."""
    choice = choose_kernels(found, optimize, flash)
    best = choice, plan_memory(program, found.scratch(choice), walks=found.walks(choice))
    while room is not None and best[1].arena_bytes > room:
        limit = max(found.scratch(choice), default=0)
        smaller = choose_kernels(found, optimize, flash, limit - 1)
        if found.scratch(smaller) == found.scratch(choice) or limit == 0:
            break
        choice = smaller
        memory = plan_memory(program, found.scratch(choice), walks=found.walks(choice))
        if memory.arena_bytes < best[1].arena_bytes:
            best = choice, memory
    return best


def _check_fits(plan: Plan, target: Target) -> None:
    """Refuse what cannot fit whatever else the firmware holds: constants in flash, buffers in RAM."""
    program = plan.program
    owned = _caller_tensors(program)
    owned += [state.before for state in program.state]
    arena = plan.memory.arena_bytes if target.has_main_arena else 0
    ram = arena + sum(program.tensors[tensor].size_bytes for tensor in owned)
    flash = constant_bytes(plan.calls)
    for what, needed, available in (("flash", flash, target.flash_bytes), ("RAM", ram, target.ram_bytes)):
        if available is not None and needed > available:
            raise fail(
                "T001",
                f"the model does not fit the {what} of '{target.name}'",
                where=f"target '{target.name}'",
                why=f"it needs {needed:_} bytes without code and stack, {available:_} are available",
                fix="choose a larger part, or a smaller model",
            )

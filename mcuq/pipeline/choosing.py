"""Kernels and memory together: scratch buffers take RAM, so that what is chosen must also fit."""

from __future__ import annotations

import dataclasses

from mcuq.ir.plan import KernelCall, KernelCosts, MemoryMap
from mcuq.ir.program import Optimize, Program
from mcuq.kernels.choose import Choice
from mcuq.kernels.select import Options, kernel_options
from mcuq.memory.planner import plan_memory
from mcuq.targets import Target


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


def choose_kernels(program: Program, target: Target) -> Chosen:
    """The kernels that a program's `optimize` asks for, within the target's flash and RAM where they can be.

    Raises:
        McuqError: T004 for every step that no variant accepts.
    """
    core = target.core
    options = kernel_options(program, core.isa, target.name, target.flash_bytes, core=core.name)
    optimize = program.optimize
    room = _arena_room(program, target)
    choice, memory = _fitting(program, options, Optimize.BALANCED, room)
    costs = balanced = _costs(options, choice, Optimize.BALANCED, optimize)
    if optimize is not Optimize.BALANCED:
        limit = memory.arena_bytes if optimize is Optimize.SIZE else room
        other, its_memory = _fitting(program, options, optimize, limit)
        # The planner of memory is no exact optimizer: what does not keep to the limit is not taken.
        if limit is None or its_memory.arena_bytes <= max(limit, memory.arena_bytes):
            choice, memory = other, its_memory
        costs = dataclasses.replace(_costs(options, choice, optimize, optimize), balanced=balanced)
    return Chosen(options.calls(choice, optimize), memory, costs)


def _costs(options: Options, choice: Choice, optimize: Optimize, compiled: Optimize) -> KernelCosts:
    cost = options.total(choice, compiled)
    cycles = cost.cycles if cost.are_cycles_known else None
    return KernelCosts(optimize, cycles, cost.constant_bytes, cost.code_bytes)


def _arena_room(program: Program, target: Target) -> int | None:
    """Bytes that a board has for the arena."""
    if target.ram_bytes is None:
        return None
    ports = (*program.inputs, *program.outputs)
    return target.ram_bytes - sum(program.tensors[port.tensor].size_bytes for port in ports)


def _fitting(
    program: Program, options: Options, optimize: Optimize, room: int | None
) -> tuple[Choice, MemoryMap]:
    """The best choice, with ever less scratch until its arena fits, or the smallest found."""
    choice = options.choose(optimize)
    best = choice, plan_memory(program, options.scratch(choice))
    while room is not None and best[1].arena_bytes > room:
        limit = max(options.scratch(choice), default=0)
        smaller = options.choose(optimize, limit - 1)
        if options.scratch(smaller) == options.scratch(choice) or limit == 0:
            break
        choice = smaller
        memory = plan_memory(program, options.scratch(choice))
        if memory.arena_bytes < best[1].arena_bytes:
            best = choice, memory
    return best

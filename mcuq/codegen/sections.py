"""Sections of what `--place` puts into memories by name."""

from __future__ import annotations

from mcuq.codegen.view import SectionView
from mcuq.ir.plan import Plan

_CONSTANTS = "CONSTANTS_IN_"


def section_views(plan: Plan) -> tuple[SectionView, ...]:
    """A section for each part of a model in a memory that is not the board's default for it.

    Their names begin as those of the default ones do, so a linker script that knows nothing of them puts them
    there.
    """
    target = plan.resolved
    placing, board = target.placing, target.board
    if placing is None or board is None:
        return ()
    found = []
    if placing.kernels is not None and placing.kernels != board.flash:
        name = placing.kernels.name
        found.append(SectionView("IN_KERNELS", f".text.mcuq.{name}", f"functions, in {name}"))
    if placing.arena is not None and placing.arena != board.ram:
        name = placing.arena.name
        found.append(SectionView("IN_ARENA", f".bss.mcuq.{name}", f"the arena, in {name}"))
    for memory in placing.weights:
        if memory != board.flash and memory.name in plan.constants:
            section = f".rodata.mcuq.{memory.name}"
            macro = f"{_CONSTANTS}{memory.name.upper()}"
            found.append(SectionView(macro, section, f"constants of some steps, in {memory.name}"))
    return tuple(found)


def step_section(plan: Plan, index: int, prefix: str) -> str:
    """What stands before the definitions of a step's constants: a macro and a space, or nothing.

    Args:
        plan: with its placement.
        index: of the step in the program.
        prefix: of the model's macros.
    """
    board = plan.resolved.board if plan.constants else None
    if board is None or plan.constants[index] == board.flash.name:
        return ""
    return f"{prefix}_{_CONSTANTS}{plan.constants[index].upper()} "

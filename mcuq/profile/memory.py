"""Which board's memory a profile counts on, and what that says of its cycles."""

from __future__ import annotations

from mcuq.errors import fail
from mcuq.flash_modes import FlashMode
from mcuq.ir.plan import Plan
from mcuq.profile.cycles import CycleModel
from mcuq.targets import Target, load_target

NO_CYCLE_MODEL = "instructions only: no cycle model is validated for this core"


def profiled_target(plan: Plan, board: str | None, flash: str | None) -> Target:
    """What a profile counts on.

    Args:
        plan: of the firmware.
        board: another board with the same core, None for that of the firmware.
        flash: a mode of its flash; None for that of the firmware, and of another board for that in which it
            is shipped.

    Raises:
        McuqError: O002 for an unknown board, O020 for an unknown mode, O013 for the host and for a board of
            another core.
    """
    target = plan.resolved
    if target.core.is_host:
        raise fail(
            "O013",
            f"firmware for '{target.name}' cannot be profiled",
            where="profile",
            why="it counts on emulated cores, and the host is none",
            fix="build for a core or a board: `mcuq targets` lists them",
        )
    if board is None or board == target.name:
        return target if flash is None else target.in_mode(flash)
    wanted = load_target(board, flash)
    if wanted.core.name == target.core.name:
        return wanted
    raise fail(
        "O013",
        f"the firmware is for '{target.core.name}', not for '{board}'",
        where="--board",
        why=f"that has a {wanted.core.name}: its kernels may be others",
        fix=f"name a board with a {target.core.name}, or build for '{board}'",
    )


def trust_note(target: Target, cycles: CycleModel | None, memory: FlashMode | None) -> str:
    """How far to trust cycles.

    Args:
        target: a core or a board.
        cycles: its core's table.
        memory: the flash that was modelled.
    """
    if cycles is None:
        return NO_CYCLE_MODEL
    if target.board is None:
        return cycles.note
    if memory is None:
        return f"{cycles.note}: nothing is known of how the core of '{target.name}' sees its flash"
    return f"estimate on a model of the flash of '{target.name}', mode {memory.name}: {memory.title}"

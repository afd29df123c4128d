"""Which board's memory a profile counts on, and what that says of its cycles."""

from __future__ import annotations

from mcuq.errors import fail
from mcuq.flash_modes import FlashMode
from mcuq.profile.cycles import CycleModel
from mcuq.targets import Target, load_target

NO_CYCLE_MODEL = "instructions only: no cycle model is validated for this core"


def profiled_target(name: str, board: str | None) -> Target:
    """What a profile counts on.

    Args:
        name: of the target that the firmware was built for.
        board: another board with the same core, None for that target.

    Raises:
        McuqError: O002 for an unknown board, O013 for the host and for a board of another core.
    """
    target = load_target(name)
    if target.core.is_host:
        raise fail(
            "O013",
            f"firmware for '{target.name}' cannot be profiled",
            where="profile",
            why="it counts on emulated cores, and the host is none",
            fix="build for a core or a board: `mcuq targets` lists them",
        )
    if board is None:
        return target
    wanted = load_target(board)
    if wanted.core.name == target.core.name:
        return wanted
    raise fail(
        "O013",
        f"the firmware is for '{target.core.name}', not for '{board}'",
        where="--board",
        why=f"that has a {wanted.core.name}: its kernels may be others",
        fix=f"name a board with a {target.core.name}, or build for '{board}'",
    )


def profiled_flash(target: Target, flash: str | None) -> FlashMode | None:
    """The mode of its flash, None for a core alone and where nothing is known.

    Args:
        target: a core or a board.
        flash: the mode's name, None for that in which the board is shipped.

    Raises:
        McuqError: O002 when there is no such mode.
    """
    if target.board is not None:
        return target.board.flash_mode(flash)
    if flash is None:
        return None
    raise fail(
        "O002",
        f"a core alone has no flash mode '{flash}'",
        where="--flash",
        why=f"'{target.name}' is a core, whose cycles are those of zero wait states",
        fix="name a board with it: `--board`",
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

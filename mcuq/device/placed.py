"""Memories in the project of a board: its linker script, and what a firmware places there by name."""

from __future__ import annotations

from mcuq.boards import Board
from mcuq.codegen.render import render
from mcuq.codegen.sections import section_views
from mcuq.device.esp_idf import CHIPS
from mcuq.errors import fail
from mcuq.ir.plan import Plan
from mcuq.memories import Memory
from mcuq.resources import targets_dir

# Of boards whose image is loaded into RAM, in the file that their code includes.
_IN_RAM = "BOARD_RUNS_FROM_RAM"


def link_script(board: Board) -> bytes:
    """The linker script of a board with all of its memories, by name.

    Args:
        board: with the memories.
    """
    memories = [
        {"name": each.name, "origin": f"{each.range.origin:#010x}", "bytes": f"{each.range.bytes:#x}"}
        for each in board.memories
    ]
    return render(
        "device/link.ld.j2",
        board=board.name,
        memories=memories,
        flash=board.flash.name,
        ram=board.ram.name,
        boot=board.flash.name if board.machine is None else board.machine.boot,
    )


def placed_memories(plan: Plan) -> tuple[Memory, ...]:
    """The memories that parts of a firmware lie in by name, in the board's order."""
    board = plan.resolved.board
    if board is None:
        return ()
    names = {each.name.rpartition(".")[2] for each in section_views(plan)}
    return tuple(each for each in board.memories if each.name in names)


def placed_files(plan: Plan) -> dict[str, bytes]:
    """What a project has otherwise for a firmware with placement: the linker's scripts, by path.

    Args:
        plan: of the firmware; without placement there are none.
    """
    board, placed = plan.resolved.board, placed_memories(plan)
    if board is None or not placed:
        return {}
    return {
        f"device/boards/{board.name}/link.ld": link_script(board),
        "device/placed.ld": render("device/placed.ld.j2", board=board.name, placed=placed),
        "device/placed_table.ld": render("device/placed_table.ld.j2", placed=placed),
    }


def check_placement(plan: Plan, board: str) -> None:
    """Refuse a project that cannot keep the firmware's placement.

    Args:
        plan: of the firmware.
        board: of the project.

    Raises:
        McuqError: O013 for another board than the one whose memories are named, a board of the user's, one
            whose image lies in RAM as a whole, and one whose linker scripts are its vendor's.
    """
    if not placed_memories(plan):
        return
    why = None
    config = targets_dir() / "device" / "boards" / board / "board_config.h"
    if plan.own_board is not None:
        why = f"it names memories of a board of your own, '{plan.target}', and the project is for '{board}'"
    elif plan.target != board:
        why = f"it names memories of '{plan.target}', and the project is for '{board}'"
    elif board in CHIPS:
        why = f"the linker scripts of a project for '{board}' are those of ESP-IDF, without names"
    elif config.is_file() and _IN_RAM in config.read_text("utf-8"):
        why = f"the image of '{board}' is loaded into RAM as a whole, and nothing is placed in it"
    if why is not None:
        raise fail(
            "O013",
            "the project cannot keep the firmware's placement",
            where=f"--machine {board}",
            why=f"it was built with --place {plan.place}; {why}",
            fix="build it again without --place, or name the board that it was built for",
        )

"""The self-test as a project for a board: everything that make, or ESP-IDF, needs in one folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mcuq.codegen.manifest import sha256
from mcuq.codegen.render import render
from mcuq.device.esp_idf import CHIPS, esp_idf_files
from mcuq.device.image import selftest_files
from mcuq.device.placed import check_placement, link_script, placed_files, placed_memories
from mcuq.errors import fail
from mcuq.ir.plan import Plan
from mcuq.resources import targets_dir
from mcuq.targets import list_targets

_SUPPORT = ("memory.c", "semihosting.h", "freestanding/string.h")
_EMULATED_NOTES = "Nothing is connected: QEMU has this machine (`apt install qemu-system-arm`).\n"
_PROBE_NOTES = """Connect a debug probe that knows the processor, and its console. The clock stays what it is.
The image begins where the flash does: what lies there, as a boot loader, is replaced.
"""
# What boards of one vendor share.
_SHARED = "nordic"


def board_cores() -> dict[str, str]:
    """The boards that projects are written for, with the cores that they have."""
    targets = list_targets()
    cores = {each.name: each.core.name for each in targets}
    machines = {machine.name: each.core.name for each in targets for machine in each.core.machines}
    boards = {each.name for each in targets if each.board is not None and each.core.arch == "arm"}
    boards |= {path.parent.name for path in _folder().glob("*/board.mk")}
    boards |= CHIPS.keys()
    return {name: cores.get(name) or machines[name] for name in sorted(boards)}


def project_files(plan: Plan, name: str, sources: Mapping[str, bytes], board: str) -> dict[str, bytes]:
    """All files of a project, by relative path.

    Args:
        plan: what the firmware was built from.
        name: its C name.
        sources: its C, by path in the firmware directory.
        board: one of `board_cores`.

    Raises:
        McuqError: O001 for a board without a project, O013 for one of another core than the firmware's, and
            for one that the firmware's placement is not for.
    """
    board = _own_name(board)
    _check_board(plan, board)
    check_placement(plan, board)
    write = esp_idf_files if board in CHIPS else _make_files
    files = write(plan, name, sources, board)
    # What tells a later run that it may replace the folder.
    checksums = {path: sha256(files[path]) for path in sorted(files)}
    listed = json.dumps({"selftest": name, "board": board, "files": checksums}, indent=1)
    files["selftest.mcuq.json"] = (listed + "\n").encode()
    return files


def _make_files(plan: Plan, name: str, sources: Mapping[str, bytes], board: str) -> dict[str, bytes]:
    """A project of make for a board with an Arm core."""
    files = {f"firmware/{path}": data for path, data in sources.items()}
    files |= {f"selftest/{path}": data for path, data in selftest_files(plan, name).items()}
    files |= _support_files()
    has_line = (_folder() / board).is_dir()
    own = _stored_board(board) if has_line else _board_by_memories(board)
    files |= {f"device/boards/{path}": data for path, data in own.items()}
    files |= placed_files(plan)
    start = "make run" if b"-DMCUQ_EMULATED\n" in own[f"{board}/board.mk"] else "make flash"
    notes = own[f"{board}/notes.md"].decode().strip()
    put = "uart" if has_line else "semihosting"
    files["Makefile"] = render("device/Makefile.j2", name=name, board=board, put=put)
    files["README.md"] = render(
        "device/README.md.j2",
        name=name,
        board=board,
        put=put,
        notes=notes,
        start=start,
        place=plan.place,
        placed=placed_memories(plan),
    )
    return files


def _check_board(plan: Plan, board: str) -> None:
    cores = board_cores()
    if board not in cores:
        raise fail(
            "O001",
            f"there is no project for a board '{board}'",
            where="--machine",
            why="projects are for: " + ", ".join(cores),
            fix="name one of these, or give your own project the function mcuq_selftest_put (docs/device.md)",
        )
    core = plan.resolved.core.name
    if cores[board] != core:
        raise fail(
            "O013",
            f"board '{board}' has another core than the firmware is for",
            where="--machine",
            why=f"the firmware is for {core}, the board has {cores[board]}",
            fix=f"build it again with --target {cores[board]}",
        )


def _folder() -> Path:
    return targets_dir() / "device" / "boards"


def _support_files() -> dict[str, bytes]:
    targets = targets_dir()
    device = targets / "device"
    paths = [path for path in device.iterdir() if path.is_file() and path.name != "put_harness.c"]
    files = {f"device/{path.name}": path.read_bytes() for path in sorted(paths)}
    return files | {f"support/{name}": (targets / "support" / name).read_bytes() for name in _SUPPORT}


def _stored_board(board: str) -> dict[str, bytes]:
    """The files of a board whose clock and serial line are known, by path below `boards/`."""
    paths = [path for name in (board, _SHARED) for path in (_folder() / name).iterdir()]
    return {path.relative_to(_folder()).as_posix(): path.read_bytes() for path in sorted(paths)}


def _board_by_memories(name: str) -> dict[str, bytes]:
    """The same for a board of which the memories are known."""
    target = next(each for each in list_targets() if each.name == name)
    board = target.board
    assert board is not None, name
    qemu = "" if board.machine is None else board.machine.qemu
    notes = _EMULATED_NOTES if qemu else _PROBE_NOTES
    return {
        f"{name}/board.mk": render(
            "device/board.mk.j2",
            board=name,
            flags=" ".join(board.gcc_flags or target.core.gcc_flags),
            qemu=qemu,
        ),
        f"{name}/board_config.h": b"#define BOARD_INTERRUPT 0\n",
        f"{name}/link.ld": link_script(board),
        f"{name}/notes.md": notes.encode(),
    }


def _own_name(board: str) -> str:
    """The name of a board that may be called by another."""
    boards = [each.board for each in list_targets() if each.board is not None]
    return next((each.name for each in boards if board in each.aliases), board)


def is_board(name: str | None) -> bool:
    """Whether a name is that of a board with a project, and of no emulated machine of its core."""
    return name is not None and _own_name(name) in board_cores() and name not in _machines()


def _machines() -> set[str]:
    return {machine.name for each in list_targets() for machine in each.core.machines}


def default_output(name: str) -> Path:
    """Where a project goes when nobody says."""
    return Path(f"{name}_selftest")

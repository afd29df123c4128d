"""The self-test as a project for a board: everything that make needs, in one folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mcuq.codegen.manifest import sha256
from mcuq.codegen.render import render
from mcuq.device.image import selftest_files
from mcuq.errors import fail
from mcuq.ir.plan import Plan
from mcuq.resources import targets_dir
from mcuq.targets import list_targets

_SUPPORT = ("memory.c", "semihosting.h", "freestanding/string.h")
# What boards of one vendor share.
_SHARED = "nordic"


def board_cores() -> dict[str, str]:
    """The boards that projects are written for, with the cores that they have."""
    targets = list_targets()
    cores = {machine.name: each.core.name for each in targets for machine in each.core.machines}
    cores |= {each.name: each.core.name for each in targets}
    folders = (targets_dir() / "device" / "boards").glob("*/board.mk")
    return {path.parent.name: cores[path.parent.name] for path in sorted(folders)}


def project_files(plan: Plan, name: str, sources: Mapping[str, bytes], board: str) -> dict[str, bytes]:
    """All files of a project, by relative path.

    Args:
        plan: what the firmware was built from.
        name: its C name.
        sources: its C, by path in the firmware directory.
        board: one of `board_cores`.

    Raises:
        McuqError: O001 for a board without a project, O013 for one of another core than the firmware's.
    """
    board = _own_name(board)
    _check_board(plan, board)
    boards = targets_dir() / "device" / "boards"
    notes = (boards / board / "notes.md").read_text("utf-8").strip()
    start = (
        "make run" if "MCUQ_EMULATED\n" in (boards / board / "board.mk").read_text("utf-8") else "make flash"
    )
    files = {f"firmware/{path}": data for path, data in sources.items()}
    files |= {f"selftest/{path}": data for path, data in selftest_files(plan, name).items()}
    files |= _support_files(board)
    files["Makefile"] = render("device/Makefile.j2", name=name, board=board)
    files["README.md"] = render("device/README.md.j2", name=name, board=board, notes=notes, start=start)
    # What tells a later run that it may replace the folder.
    listed = {
        "selftest": name,
        "board": board,
        "files": {path: sha256(files[path]) for path in sorted(files)},
    }
    files["selftest.mcuq.json"] = (json.dumps(listed, indent=1) + "\n").encode()
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


def _support_files(board: str) -> dict[str, bytes]:
    targets = targets_dir()
    device = targets / "device"
    paths = [path for path in device.iterdir() if path.is_file() and path.name != "put_harness.c"]
    paths += [path for name in (board, _SHARED) for path in (device / "boards" / name).iterdir()]
    files = {f"device/{path.relative_to(device).as_posix()}": path.read_bytes() for path in sorted(paths)}
    return files | {f"support/{name}": (targets / "support" / name).read_bytes() for name in _SUPPORT}


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

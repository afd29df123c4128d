"""`mcuq lock` and `mcuq check`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from mcuq.cli.console import out
from mcuq.cli.trust import Trust
from mcuq.errors import McuqError, Problem, fail
from mcuq.pipeline.lock import LOCK_SUFFIX, check_lock, write_lock


def lock_command(
    directory: Annotated[Path, typer.Argument(help="A firmware folder of `mcuq build`.")],
    output: Annotated[Path | None, typer.Option(help="The lock; default <name>.mcuq.lock beside it.")] = None,
    trust: Trust = False,
) -> None:
    """Write a small golden file: hashes of parameters and layer outputs, and sizes.

    This compiles the C of the folder and runs it with your rights: give it folders that you trust.
    """
    path = write_lock(directory, output, trust)
    out.print(f"locked in {path}", markup=False, soft_wrap=True)


def check_command(
    lock: Annotated[
        list[Path] | None,
        typer.Argument(help="Locks of `mcuq lock`; default every *.mcuq.lock below the current folder."),
    ] = None,
    trust: Trust = False,
) -> None:
    """Build again from the stored Program and fail, naming the first layer, parameter or size that moved.

    All locks are checked, and all that moved is named at the end. This compiles the C beside the stored
    Program and runs it with your rights: give it locks that you trust.
    """
    problems: list[Problem] = []
    for path in lock or _locks_below(Path()):
        try:
            plan = check_lock(path, trust)
        except McuqError as error:
            problems += error.problems
            continue
        out.print(
            f"unchanged: {len(plan.program.steps)} layers as locked in {path}", markup=False, soft_wrap=True
        )
    if problems:
        raise McuqError(problems)


def _locks_below(folder: Path) -> list[Path]:
    """All locks, but for those in hidden folders."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(place) / name for name in sorted(files) if name.endswith(LOCK_SUFFIX)]
    if not found:
        raise fail(
            "O012",
            "there is no lock",
            where=str(folder.absolute()),
            why=f"no file *{LOCK_SUFFIX} lies in the current folder or below",
            fix="make one with `mcuq lock`, or name the lock",
        )
    return found

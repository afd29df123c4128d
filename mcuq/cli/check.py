"""`mcuq lock` and `mcuq check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcuq.cli.console import out
from mcuq.pipeline.lock import check_lock, write_lock


def lock_command(
    directory: Annotated[Path, typer.Argument(help="A firmware folder of `mcuq build`.")],
    output: Annotated[Path | None, typer.Option(help="The lock; default <name>.mcuq.lock beside it.")] = None,
) -> None:
    """Write a small golden file: hashes of parameters and layer outputs, and sizes."""
    path = write_lock(directory, output)
    out.print(f"locked in {path}", markup=False, soft_wrap=True)


def check_command(lock: Annotated[Path, typer.Argument(help="A lock of `mcuq lock`.")]) -> None:
    """Build again from the stored Program and fail, naming the first layer, parameter or size that moved."""
    plan = check_lock(lock)
    out.print(
        f"unchanged: {len(plan.program.steps)} layers as locked in {lock}", markup=False, soft_wrap=True
    )

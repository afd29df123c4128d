"""`mcuq lock` and `mcuq check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcuq.cli.console import out
from mcuq.cli.trust import Trust
from mcuq.pipeline.lock import check_lock, write_lock


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
    lock: Annotated[Path, typer.Argument(help="A lock of `mcuq lock`.")], trust: Trust = False
) -> None:
    """Build again from the stored Program and fail, naming the first layer, parameter or size that moved.

    This compiles the C beside the stored Program and runs it with your rights: give it locks that you trust.
    """
    plan = check_lock(lock, trust)
    out.print(
        f"unchanged: {len(plan.program.steps)} layers as locked in {lock}", markup=False, soft_wrap=True
    )

"""`mcuq compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcuq.cli.console import out, print_json
from mcuq.device.compare import compare_log, expect
from mcuq.device.log import read_log
from mcuq.errors import Exit, McuqError
from mcuq.pipeline.firmware import open_firmware
from mcuq.report.device import comparison_line


def compare_command(
    log: Annotated[Path, typer.Argument(help="What a terminal recorded of a self-test.")],
    directory: Annotated[
        Path | None,
        typer.Argument(help="The firmware folder it is of; without it, the log's own expectations count."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Name the first layer that a device computes differently, from the log of its self-test.

    Lines of others, time stamps and carriage returns in the log do no harm; where there are several runs, the
    last whole one counts.
    """
    found = read_log(log)
    expected = None if directory is None else expect(open_firmware(directory).plan)
    comparison = compare_log(found, expected)
    if json:
        print_json(comparison.to_json())
        if comparison.first is not None:
            raise typer.Exit(Exit.NOT_BIT_EXACT)
        return
    if comparison.first is not None:
        raise McuqError(comparison.problem())
    out.print(comparison_line(comparison), markup=False, soft_wrap=True)

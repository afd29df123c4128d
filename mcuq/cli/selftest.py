"""`mcuq selftest`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from mcuq.cli.console import err, print_json
from mcuq.cli.trust import Trust
from mcuq.device.compare import compare_log, expect
from mcuq.device.image import run_selftest
from mcuq.device.log import parse_log
from mcuq.errors import Exit, McuqError
from mcuq.pipeline.firmware import open_firmware
from mcuq.pipeline.trust import source_folder
from mcuq.report.device import comparison_line


def selftest_command(
    directory: Annotated[Path, typer.Argument(help="A firmware folder of `mcuq build`.")],
    machine: Annotated[
        str | None,
        typer.Option(help="An emulated machine of the core; by default the first that is large enough."),
    ] = None,
    bench: Annotated[bool, typer.Option("--bench", help="Print the time of each layer as well.")] = False,
    compiler: Annotated[Literal["auto", "gcc", "zig"], typer.Option(help="Which compiler.")] = "auto",
    opt: Annotated[Literal["-O0", "-Os", "-O2", "-O3"], typer.Option(help="Its option.")] = "-O2",
    trust: Trust = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run the firmware's self-test on an emulated machine: one line a layer.

    This compiles the C of the folder and runs it: give it folders that you trust.
    """
    firmware = open_firmware(directory)
    core = firmware.plan.resolved.core
    with source_folder(firmware.sources, trust) as folder:
        run = run_selftest(
            folder,
            firmware.plan,
            firmware.name,
            core,
            machine=machine,
            is_timed=bench,
            compiler=compiler,
            opt=opt,
        )
    comparison = compare_log(parse_log(run.log, Path(run.machine)), expect(firmware.plan))
    if json:
        print_json({**comparison.to_json(), "machine": run.machine, "toolchain": run.toolchain})
        if comparison.first is not None:
            raise typer.Exit(Exit.NOT_BIT_EXACT)
        return
    sys.stdout.write(run.log.decode("utf-8", "replace"))
    if comparison.first is not None:
        raise McuqError(comparison.problem())
    err.print(f"{comparison_line(comparison)} ({run.machine}, {run.toolchain})", markup=False)

"""`mcuq selftest`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from mcuq.cli.console import err, out, print_json
from mcuq.cli.trust import CmsisNN, Trust
from mcuq.device.compare import compare_log, expect
from mcuq.device.image import DeviceRun, run_selftest
from mcuq.device.log import parse_log
from mcuq.device.project import default_output, is_board, project_files
from mcuq.errors import Exit, McuqError
from mcuq.pipeline.directory import publish
from mcuq.pipeline.firmware import Firmware, open_firmware
from mcuq.pipeline.trust import source_folder
from mcuq.report.device import comparison_line


def selftest_command(
    directory: Annotated[Path, typer.Argument(help="A firmware folder of `mcuq build`.")],
    machine: Annotated[
        str | None,
        typer.Option(
            help="An emulated machine of the core, by default the first that is large enough; or a board."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Write the project of the board there; by default NAME_selftest."),
    ] = None,
    bench: Annotated[bool, typer.Option("--bench", help="Print the time of each layer as well.")] = False,
    compiler: Annotated[Literal["auto", "gcc", "zig"], typer.Option(help="Which compiler.")] = "auto",
    opt: Annotated[Literal["-O0", "-Os", "-O2", "-O3"], typer.Option(help="Its option.")] = "-O2",
    trust: Trust = False,
    cmsis_nn: CmsisNN = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run the firmware's self-test on an emulated machine, one line a layer, or write it for a board.

    This compiles the C of the folder and runs it: give it folders that you trust.
    """
    firmware = open_firmware(directory)
    if output is not None or is_board(machine):
        _write_project(firmware, machine or "", output or default_output(firmware.name), trust, json)
        return
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
            cmsis_nn=cmsis_nn,
        )
    _report(firmware, run, json)


def _report(firmware: Firmware, run: DeviceRun, is_json: bool) -> None:
    comparison = compare_log(parse_log(run.log, Path(run.machine)), expect(firmware.plan))
    if is_json:
        print_json({**comparison.to_json(), "machine": run.machine, "toolchain": run.toolchain})
        if comparison.first is not None:
            raise typer.Exit(Exit.NOT_BIT_EXACT)
        return
    sys.stdout.write(run.log.decode("utf-8", "replace"))
    if comparison.first is not None:
        raise McuqError(comparison.problem())
    err.print(f"{comparison_line(comparison)} ({run.machine}, {run.toolchain})", markup=False)


def _write_project(firmware: Firmware, board: str, output: Path, is_trusted: bool, is_json: bool) -> None:
    # Opened for its check of the C alone.
    with source_folder(firmware.sources, is_trusted):
        files = project_files(firmware.plan, firmware.name, firmware.sources.files, board)
    publish(output, files)
    if is_json:
        print_json({"directory": str(output), "board": board, "name": firmware.name})
        return
    out.print(f"written to {output}: its README.md says how to build and flash", markup=False, soft_wrap=True)

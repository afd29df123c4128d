"""`mcuq profile`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mcuq.cli.console import out, print_json
from mcuq.cli.trust import CmsisNN, Trust
from mcuq.device.log import read_log
from mcuq.device.measured import measured_cycles
from mcuq.pipeline.firmware import open_firmware
from mcuq.pipeline.trust import source_folder
from mcuq.profile.profile import DEFAULT_OPT, Opt, profile_firmware
from mcuq.report.profile import measured_line, profile_lines, profile_table


def profile_command(
    directory: Annotated[Path, typer.Argument(help="A firmware folder of `mcuq build`.")],
    compiler: Annotated[Literal["auto", "gcc", "zig"], typer.Option(help="Which compiler.")] = "auto",
    opt: Annotated[Opt, typer.Option(help="Its option.")] = DEFAULT_OPT,
    board: Annotated[
        str | None,
        typer.Option(help="Whose flash and clock count; by default the one that it was built for."),
    ] = None,
    flash: Annotated[
        str | None,
        typer.Option(
            help="The mode of its flash, by name; by default as built, of another board as shipped."
        ),
    ] = None,
    measured: Annotated[
        Path | None,
        typer.Option(help="A board's log with cycles of the self-test: they stand beside the model's."),
    ] = None,
    trust: Trust = False,
    cmsis_nn: CmsisNN = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure cycles, flash, RAM and stack on the emulated core, without a board.

    This compiles the C of the folder and runs it on an emulator: give it folders that you trust.
    """
    firmware = open_firmware(directory)
    found = None if measured is None else measured_cycles(read_log(measured), firmware.plan)
    with source_folder(firmware.sources, trust) as folder:
        profile = profile_firmware(
            folder,
            firmware.plan,
            firmware.name,
            compiler=compiler,
            opt=opt,
            board=board,
            flash=flash,
            cmsis_nn=cmsis_nn,
        )
    if json:
        print_json(profile.to_json() | ({} if found is None else {"measured": found.to_json()}))
        return
    out.print(profile_table(profile, found))
    for line in (*profile_lines(profile), *(() if found is None else (measured_line(profile, found),))):
        out.print(line, markup=False, soft_wrap=True)

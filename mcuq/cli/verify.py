"""`mcuq verify`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from mcuq.cli.console import out, print_json
from mcuq.cli.data import read_codes
from mcuq.cli.declared import GivenImages, with_images
from mcuq.cli.trust import CmsisNN, Trust
from mcuq.errors import Exit, McuqError
from mcuq.pipeline.firmware import open_firmware
from mcuq.pipeline.preprocessing import recorded_preprocessing
from mcuq.pipeline.trust import source_folder
from mcuq.report.build import verify_line
from mcuq.verify.firmware import verify_firmware
from mcuq.verify.inputs import standard_inputs

On: TypeAlias = Literal["host", "emulator", "qemu"]
_DEFAULT_SAMPLES = {"host": 32, "emulator": 4, "qemu": 4}


@with_images
def verify_command(
    directory: Annotated[Path, typer.Argument(help="A firmware folder of `mcuq build`.")],
    on: Annotated[On, typer.Option("--on", help="Where to run it.")] = "host",
    inputs: Annotated[
        Path | None, typer.Option(help="Real values or int8 codes; default random codes and extremes.")
    ] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="How many samples.")] = None,
    *,
    images: GivenImages,
    trust: Trust = False,
    cmsis_nn: CmsisNN = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare every value of every step of the firmware with the simulator; images as in the build.

    This compiles the C of the folder and runs it with your rights: give it folders that you trust.
    """
    firmware = open_firmware(directory)
    program = firmware.plan.program
    count = samples or _DEFAULT_SAMPLES[on]
    if inputs is None:
        codes = standard_inputs(program, None, count)
    else:
        recorded = recorded_preprocessing(program)
        preprocessing = dataclasses.replace(recorded, **images)
        codes = standard_inputs(program, read_codes(program, inputs, count, preprocessing), 1)
    with source_folder(firmware.sources, trust) as folder:
        report = verify_firmware(folder, firmware.plan, firmware.name, codes, on, cmsis_nn=cmsis_nn)
    if json:
        print_json(report.to_json())
    if report.first_difference is not None:
        if json:
            raise typer.Exit(Exit.NOT_BIT_EXACT)
        raise McuqError(report.first_difference.problem(report.machine))
    if not json:
        out.print(verify_line(report), markup=False, soft_wrap=True)

"""`mcuq build`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from mcuq.calibrate.images import Preprocessing
from mcuq.cli import quant
from mcuq.cli.console import out, print_json, progress, warn
from mcuq.cli.declared import GivenImages, with_images, with_options
from mcuq.cli.parse import parse_limits
from mcuq.cli.trust import CmsisNN
from mcuq.errors import fail
from mcuq.ir.program import RangeSource
from mcuq.options import QuantOptions
from mcuq.pipeline.budget import BuildBudget
from mcuq.pipeline.build import BuildResult, VerifyOn, build
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.stored import STORED_SUFFIX
from mcuq.report.build import build_document, layer_table, summary_lines
from mcuq.report.imports import imports_line, imports_table

_WITHOUT_DATA = {
    RangeSource.SYNTHETIC: "synthetic inputs",
    RangeSource.DATA_FREE: "the model's BatchNormalization statistics",
}


@with_options("build")
@with_images
def build_command(
    model: Annotated[
        Path, typer.Argument(help="An ONNX or TensorFlow Lite model, or a stored program (.mcuq.npz).")
    ],
    target: Annotated[str, typer.Option(help="A core, a board, or a .toml of your own; see `mcuq targets`.")],
    calibration: quant.CalibrationOption = None,
    ranges: Annotated[Path | None, typer.Option(help="Ranges of `mcuq calibrate` instead of data.")] = None,
    encodings: quant.EncodingsOption = None,
    output: Annotated[Path | None, typer.Option(help="The firmware folder; default ./<name>_mcuq.")] = None,
    name: Annotated[str | None, typer.Option(help="Prefix of C symbols; default the file's stem.")] = None,
    verify: Annotated[VerifyOn, typer.Option(help="Where to prove the firmware.")] = "host",
    labels: quant.LabelsOption = None,
    max_flash: quant.MaxFlash = None,
    max_ram: quant.MaxRam = None,
    max_cycles: quant.MaxCycles = None,
    max_stack: Annotated[
        str | None, typer.Option(help="Bytes of stack of a run at most.", metavar="BYTES")
    ] = None,
    place: Annotated[
        str | None,
        typer.Option(
            help="Where constants, arena and kernels lie, by names of memories (docs/targets.md), "
            "as weights=itcm+flash,arena=dtcm,kernels=itcm; default: its flash and RAM.",
            metavar="WHAT=MEMORY,...",
        ),
    ] = None,
    cmsis_nn: CmsisNN = None,
    *,
    options: QuantOptions,
    images: GivenImages,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compile a model to a firmware folder, proven against the simulator before it is written."""
    _check_sources(model, calibration, ranges, encodings)
    given = {
        "--max-flash": max_flash,
        "--max-ram": max_ram,
        "--max-cycles": max_cycles,
        "--max-stack": max_stack,
    }
    budget = BuildBudget(*parse_limits(given).values())
    data = CalibrationData(calibration, labels, Preprocessing(**images)) if calibration is not None else None
    run = functools.partial(build, model, target, output=output, name=name, verify=verify, options=options)
    run = functools.partial(
        run, calibration=data, ranges=ranges, encodings=encodings, budget=budget, place=place
    )
    _print_result(_run(functools.partial(run, cmsis_nn=cmsis_nn)), json)


def _run(run: Callable[..., BuildResult]) -> BuildResult:
    with progress("calibrating") as update:
        return run(progress=update)


def _check_sources(
    model: Path, calibration: Path | None, ranges: Path | None, encodings: Path | None
) -> None:
    """Ranges come from one place; what encodings leave open may come from another."""
    given = {"--calibration": calibration, "--ranges": ranges, str(model): model}
    sources = [name for name, path in given.items() if path is not None and name.startswith("--")]
    if model.name.endswith(STORED_SUFFIX):
        sources += ["--encodings"] * (encodings is not None) + [model.name]
    if len(sources) > 1:
        raise fail(
            "O013",
            "two options contradict each other",
            where=" and ".join(sources),
            why="each of them says what the activation ranges are",
            fix=f"give {sources[-1]} alone",
        )


def _print_result(result: BuildResult, json: bool) -> None:
    source = _WITHOUT_DATA.get(result.plan.program.origin.ranges)
    if source is not None:
        warn(
            f"no calibration data: activation ranges come from {source} and THE ACCURACY IS UNKNOWN. "
            "Sizes and speed are as they will be; give --calibration before use."
        )
    for text in result.warnings:
        warn(text)
    if json:
        found = (result.plan, result.name, result.directory, result.report, result.weights, result.imported)
        print_json(build_document(*found))
        return
    if result.imported:
        out.print(imports_table(result.imported))
        out.print(imports_line(result.imported))
    out.print(layer_table(result.plan))
    for line in quant.override_lines(result.plan.program.origin.options):
        out.print(line, markup=False, soft_wrap=True)
    for line in summary_lines(result.plan, result.name, result.directory, result.report, result.weights):
        out.print(line, markup=False, soft_wrap=True)

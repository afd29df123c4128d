"""`mcuq build`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from mcuq.cli.console import out, print_json, progress, warn
from mcuq.cli.parse import parse_input_ranges
from mcuq.ir.program import RangeSource
from mcuq.options import QuantOptions
from mcuq.pipeline.build import BuildResult, build
from mcuq.pipeline.model import STORED_SUFFIX, CalibrationData
from mcuq.report.build import build_document, layer_table, summary_lines

Method: TypeAlias = Literal["mse", "minmax"]
Sampling: TypeAlias = Literal["stratified", "random", "first"]
VerifyOn: TypeAlias = Literal["host", "emulator", "none"]


def build_command(
    model: Annotated[Path, typer.Argument(help="An ONNX model, or a stored program (.mcuq.npz).")],
    target: Annotated[str, typer.Option(help="A core or a board; `mcuq targets` lists them.")],
    calibration: Annotated[
        Path | None, typer.Option(help="Samples: .npy, .npz, or a folder. Real values, the model's layout.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="The firmware folder; default ./<name>_mcuq.")] = None,
    name: Annotated[str | None, typer.Option(help="Prefix of C symbols; default the file's stem.")] = None,
    verify: Annotated[VerifyOn, typer.Option(help="Where to prove the firmware.")] = "host",
    calibration_method: Annotated[Method, typer.Option(help="How activation ranges are chosen.")] = "mse",
    samples: Annotated[int, typer.Option(min=1, help="How many calibration samples to use.")] = 128,
    sampling: Annotated[
        Sampling | None, typer.Option(help="Which ones; default stratified with labels, else random.")
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="Classes of the samples (.npy).")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of random sampling and synthetic inputs.")] = 0,
    input_range: Annotated[
        list[str] | None, typer.Option(metavar="NAME=lo:hi", help="Real range of an input.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compile a model to a firmware folder, proven against the simulator before it is written."""
    options = QuantOptions(
        method=calibration_method,
        samples=samples,
        sampling=sampling or ("stratified" if labels else "random"),
        seed=seed,
        input_ranges=parse_input_ranges(input_range or []),
    )
    data = None if calibration is None else CalibrationData(calibration, labels)
    if data is not None and model.name.endswith(STORED_SUFFIX):
        warn(f"--calibration is not used: {model.name} is quantized already")
    with progress("calibrating") as update:
        result = build(
            model,
            target,
            calibration=data,
            output=output,
            name=name,
            verify=verify,
            options=options,
            progress=update,
        )
    _print_result(result, json)


def _print_result(result: BuildResult, json: bool) -> None:
    if result.plan.program.origin.ranges is RangeSource.SYNTHETIC:
        warn(
            "no calibration data: activation ranges come from synthetic inputs and THE ACCURACY IS UNKNOWN. "
            "Sizes and speed are as they will be; give --calibration before use."
        )
    if json:
        print_json(build_document(result.plan, result.name, result.directory, result.report))
        return
    out.print(layer_table(result.plan))
    for line in summary_lines(result.plan, result.name, result.directory, result.report):
        out.print(line, markup=False)

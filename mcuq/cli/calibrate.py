"""`mcuq calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from mcuq.calibrate.images import Preprocessing
from mcuq.calibrate.ranges import ranges_to_json
from mcuq.cli import quant
from mcuq.cli.console import out, progress, warn
from mcuq.cli.declared import GivenImages, with_images, with_options
from mcuq.codegen.names import comment_text
from mcuq.files import replace_file
from mcuq.frontend import read
from mcuq.options import QuantOptions
from mcuq.pipeline.calibrate import calibrate_model, data_warnings
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.measure import ranges_alone
from mcuq.pipeline.stats import Sensitivity, measure_sensitivity


@with_options("calibrate")
@with_images
def calibrate_command(
    model: Annotated[Path, typer.Argument(help="An ONNX or TensorFlow Lite model.")],
    calibration: Annotated[Path, typer.Option(help="Samples: .npy, .npz, or a folder.")],
    output: Annotated[Path, typer.Option(help="The ranges to write (.json).")],
    labels: quant.LabelsOption = None,
    *,
    options: QuantOptions,
    images: GivenImages,
    sensitivity: Annotated[
        bool,
        typer.Option("--sensitivity", help="Also show how ranges depend on count and choice of samples."),
    ] = False,
) -> None:
    """Measure the range of every activation and store it for `mcuq build --ranges`."""
    data = CalibrationData(calibration, labels, Preprocessing(**images))
    source = read(model, options.input_shapes)
    with progress("calibrating") as update:
        calibrated = calibrate_model(source, data, ranges_alone(options), update)
    for text in data_warnings(calibrated):
        warn(text)
    for text in quant.override_lines((*options.record(), *calibrated.recorded)):
        out.print(text, markup=False, soft_wrap=True)
    if sensitivity:
        with progress("choosing ranges again") as update:
            out.print(_sensitivity_table(measure_sensitivity(source, data, options, update)))
    replace_file(output, ranges_to_json(calibrated.ranges).encode(), "the ranges")
    out.print(f"ranges of {len(calibrated.ranges)} tensors written to {output}", markup=False, soft_wrap=True)


def _sensitivity_table(found: Sensitivity) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for title in ("samples", "seed", "largest change of a range", "of tensor", "SQNR"):
        table.add_column(title, justify="left" if title == "of tensor" else "right")
    for trial in found.trials:
        sqnr = "exact" if trial.sqnr_db is None else f"{trial.sqnr_db:.1f} dB"
        tensor = comment_text(trial.tensor) if trial.change else "-"
        table.add_row(str(trial.samples), str(trial.seed), f"{trial.change:.1%}", tensor, sqnr)
    worst = ", ".join(f"{comment_text(name)} {change:.0%}" for name, change in found.worst)
    table.caption = f"ranges that change most: {worst}"
    return table

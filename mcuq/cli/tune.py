"""`mcuq tune`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from mcuq.calibrate.images import Preprocessing
from mcuq.cli import quant
from mcuq.cli.console import out, print_json, progress, warn
from mcuq.cli.declared import GivenImages, with_images, with_options
from mcuq.cli.parse import parse_limits
from mcuq.options import QuantOptions
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.tune import SearchBudget, tune
from mcuq.pipeline.tune_output import PARETO, PLOT, Tuned
from mcuq.report.tune import points_lines, points_table
from mcuq.tune.figures import Aim
from mcuq.tune.limits import BuildLimits


@with_options("tune")
@with_images
def tune_command(
    model: Annotated[Path, typer.Argument(help="An ONNX or TensorFlow Lite model.")],
    target: Annotated[str, typer.Option(help="A core, a board, or a .toml of your own; see `mcuq targets`.")],
    calibration: Annotated[
        Path, typer.Option(help="Samples: .npy, .npz, or a folder; some calibrate, the others judge.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for pareto.json and a configuration of each build.")],
    labels: quant.LabelsOption = None,
    max_flash: quant.MaxFlash = None,
    max_ram: quant.MaxRam = None,
    max_cycles: quant.MaxCycles = None,
    min_agreement: Annotated[
        float | None, typer.Option(min=0, max=1, help="Agreement with the float model at least, 0 to 1.")
    ] = None,
    objective: Annotated[
        Aim | None, typer.Option(help="What is best among what keeps to the limits; default: agreement.")
    ] = None,
    evaluations: Annotated[int, typer.Option(min=0, help="Builds that are tried at most.")] = 200,
    max_seconds: Annotated[float | None, typer.Option(min=1, help="Time for all of it, about.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes of this machine; default: one for each core.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Evaluate on the Dask cluster of this scheduler instead.", metavar="ADDRESS"),
    ] = None,
    wide_outputs: Annotated[
        bool,
        typer.Option(
            "--wide-outputs",
            help="Try outputs of int16, too, where --output-type leaves them open: their readers must know.",
        ),
    ] = False,
    *,
    options: QuantOptions,
    images: GivenImages,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Search for settings of single tensors and layers that trade flash, RAM and cycles for accuracy."""
    data = CalibrationData(calibration, labels, Preprocessing(**images))
    flash, ram, cycles = parse_limits(
        {"--max-flash": max_flash, "--max-ram": max_ram, "--max-cycles": max_cycles}
    ).values()
    asked = (flash, ram, cycles, min_agreement, objective)
    limits = None
    if any(each is not None for each in asked):
        limits = BuildLimits(flash, ram, cycles, min_agreement, objective or "agreement")
    budget = SearchBudget(evaluations, max_seconds, workers or os.cpu_count() or 1, scheduler)
    with progress("evaluating builds") as update:
        tuned = tune(model, target, data, output, options, limits, budget, update, wide_outputs)
    for text in tuned.warnings:
        warn(text)
    if json:
        print_json(tuned.to_json())
        return
    _print_tuned(tuned, output)


def _print_tuned(tuned: Tuned, output: Path) -> None:
    """The builds as a table, and what there is to know of them."""
    out.print(points_table([(point.name, point.found.figures) for point in tuned.points]))
    is_plotted = (output / PLOT).exists()
    told = (tuned.held_out, tuned.calibrated, tuned.chosen, tuned.notes, tuned.wide_outputs)
    for line in points_lines(*told, is_plotted):
        out.print(line, markup=False, soft_wrap=True)
    out.print(
        f"{len(tuned.points)} configurations and {output / PARETO} written", markup=False, soft_wrap=True
    )

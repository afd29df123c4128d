"""`mcuq analyze`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from mcuq.analyze.page import HEADS, db, layer_row, noise_line, percent
from mcuq.analyze.result import Analysis
from mcuq.calibrate.images import Preprocessing
from mcuq.cli import quant
from mcuq.cli.console import out, print_json, progress, warn
from mcuq.cli.declared import GivenImages, with_images, with_options
from mcuq.codegen.names import comment_text
from mcuq.files import replace_file
from mcuq.options import QuantOptions
from mcuq.pipeline.analyze import analyze
from mcuq.pipeline.calibration import CalibrationData


@with_options("analyze")
@with_images
def analyze_command(
    model: Annotated[Path, typer.Argument(help="An ONNX or TensorFlow Lite model.")],
    calibration: Annotated[Path, typer.Option(help="Samples: .npy, .npz, or a folder.")],
    inputs: Annotated[
        Path | None, typer.Option(help="Samples to measure on; default the calibration's.")
    ] = None,
    measure: Annotated[int, typer.Option(min=1, help="How many samples to measure on.")] = 32,
    ranges: Annotated[
        Path | None, typer.Option(help="Ranges of `mcuq calibrate` instead of the samples'.")
    ] = None,
    encodings: quant.EncodingsOption = None,
    html: Annotated[Path | None, typer.Option(help="Also write one self-contained page.")] = None,
    labels: quant.LabelsOption = None,
    *,
    options: QuantOptions,
    images: GivenImages,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure what quantization costs in every layer, why, and what to do about it."""
    data = CalibrationData(calibration, labels, Preprocessing(**images))
    with progress("measuring layers") as update:
        analysis, page = analyze(model, data, options, inputs, measure, html, update, ranges, encodings)
    if html is not None and page is not None:
        replace_file(html, page, "the page", "--html")
    for text in analysis.warnings:
        warn(text)
    if json:
        print_json(analysis.to_json())
        return
    _print(analysis)
    if html is not None:
        out.print(f"page written to {html}", markup=False, soft_wrap=True)


def _print(analysis: Analysis) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    for index, head in enumerate(HEADS):
        table.add_column(head, justify="left" if index < 2 else "right", no_wrap=index > 0)
    for layer in analysis.layers:
        cells = layer_row(layer, analysis.noise)
        table.add_row(comment_text(cells[0]), *cells[1:])
    out.print(table)
    for name, (sqnr, agrees) in analysis.outputs.items():
        found = f"SQNR {db(sqnr)}, agreement {percent(agrees)}, {analysis.samples} samples"
        out.print(f"output {comment_text(name)}: {found}", markup=False, soft_wrap=True)
    out.print(f"noise {noise_line(analysis.noise)}", markup=False, soft_wrap=True)
    for number, advice in enumerate(analysis.advice, 1):
        cost = f"{advice.share:.0%} of the noise, up to {advice.gain_db:+.1f} dB"
        line = f"{number}. {comment_text(advice.layer)}: {cost}; {advice.cause}: {advice.action}"
        out.print(line, markup=False, soft_wrap=True)

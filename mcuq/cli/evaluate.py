"""`mcuq evaluate`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from mcuq.cli.console import out, print_json, progress, warn
from mcuq.cli.declared import GivenImages, with_images
from mcuq.pipeline.evaluate import Evaluation, Metric, Score, evaluate
from mcuq.pipeline.firmware import open_firmware
from mcuq.pipeline.preprocessing import recorded_preprocessing


@with_images
def evaluate_command(
    directory: Annotated[Path, typer.Argument(help="A firmware folder of `mcuq build`.")],
    model: Annotated[Path, typer.Option(help="The float model it was built from (.onnx or .tflite).")],
    inputs: Annotated[Path, typer.Option(help="Real values in the model's layout.")],
    labels: Annotated[Path | None, typer.Option(help="Classes (.npy), or targets for mse.")] = None,
    metric: Annotated[Metric | None, typer.Option(help="Default top1 with labels.")] = None,
    *,
    images: GivenImages,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure the int8 firmware's quality beside the float model's; images as in the build by default."""
    firmware = open_firmware(directory)
    recorded = recorded_preprocessing(firmware.plan.program)
    preprocessing = dataclasses.replace(recorded, **images)
    with progress("evaluating") as update:
        result = evaluate(firmware, model, inputs, labels, metric, update, preprocessing)
    for text in result.warnings:
        warn(text)
    if json:
        print_json(result.to_json())
        return
    out.print(_table(result))


def _table(result: Evaluation) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for title in (
        "output",
        f"float {result.metric or ''}",
        f"int8 {result.metric or ''}",
        "difference, 95 %",
        "agreement",
        "SQNR",
    ):
        table.add_column(title.strip(), justify="left" if title == "output" else "right")
    for name, score in result.outputs.items():
        values = (score.float_value, score.int8_value)
        shown = ["-" if v is None else f"{v:.2%}" if result.metric == "top1" else f"{v:.6g}" for v in values]
        agreement = "-" if score.agreement is None else f"{score.agreement:.2%}"
        sqnr = "exact" if score.sqnr_db is None else f"{score.sqnr_db:.1f} dB"
        table.add_row(name, *shown, _interval(score, result.metric), agreement, sqnr)
    table.caption = f"{result.samples} samples"
    return table


def _interval(score: Score, metric: Metric | None) -> str:
    """Where the difference of the metric lies, by what the samples tell."""
    if score.ci95 is None:
        return "-"
    low, high = score.ci95
    return f"{100 * low:+.2f}..{100 * high:+.2f} points" if metric == "top1" else f"{low:+.3g}..{high:+.3g}"

"""`mcuq export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcuq.cli.console import out
from mcuq.errors import fail
from mcuq.pipeline.export import ExportFormat, export


def export_command(
    directory: Annotated[Path, typer.Argument(help="A firmware folder of `mcuq build`.")],
    format: Annotated[
        ExportFormat,
        typer.Option("--format", help="QDQ model, mcuq's encodings, or parameters for another tool."),
    ],
    output: Annotated[Path, typer.Option(help="The file to write; .json gives TensorRT ranges as JSON.")],
    model: Annotated[
        Path | None,
        typer.Option(help="What was built: checked, and asked for names of weights."),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="QDQ: nothing but the patterns that other tools fuse.")
    ] = False,
) -> None:
    """Write the firmware's quantization for other tools: every scale and zero point, weights and biases."""
    if plain and format != "qdq":
        raise fail(
            "O013",
            "two options contradict each other",
            where=f"--plain and --format {format}",
            why="only a QDQ model has operators to leave out",
            fix="leave --plain out",
        )
    done = export(directory, format, output, model, plain)
    for line in done.changes:
        out.print(f"changed: {line}", markup=False, soft_wrap=True)
    if done.model is not None:
        text = f"channels are rescaled: the parameters are of the float model written to {done.model}"
        out.print(text, markup=False, soft_wrap=True)
    out.print(
        f"{done.activations} activations and {done.layers} layers written to {done.path}",
        markup=False,
        soft_wrap=True,
    )

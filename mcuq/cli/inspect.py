"""`mcuq inspect`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from mcuq.cli.console import out, print_json
from mcuq.cli.declared import with_options
from mcuq.codegen.names import comment_text
from mcuq.errors import McuqError
from mcuq.ir.model import OperatorUse
from mcuq.options import QuantOptions
from mcuq.pipeline.inspect import Estimate, ModelPort, ModelReport, inspect_model


@with_options("inspect")
def inspect_command(
    model: Annotated[Path, typer.Argument(help="An ONNX model.")],
    target: Annotated[
        str, typer.Option(help="A core or a board (or a .toml of one), for flash, RAM and cycles.")
    ] = "cortex-m4",
    *,
    options: QuantOptions,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say whether a model can be built, what is missing, and what it would cost; without data.

    Problems are errors as those of `mcuq build`, all at once, and so is the exit code. Figures are those of a
    build with noise for data that keeps every channel; cycles are of layers whose kernels were measured.
    """
    report = inspect_model(model, target, options.input_shapes)
    if json:
        print_json(report.to_json())
    else:
        _print(report)
    if report.problems:
        raise McuqError(report.problems)


def _print(report: ModelReport) -> None:
    if report.operators:
        out.print(_operators_table(report.operators))
    for line in _lines(report):
        out.print(line, markup=False, soft_wrap=True)


def _operators_table(operators: Sequence[OperatorUse]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for title in ("operator", "read", "folded", "form not supported", "not supported"):
        table.add_column(title, justify="left" if title == "operator" else "right")
    for each in operators:
        counts = (each.read, each.folded, each.refused, each.missing)
        table.add_row(comment_text(each.name), *(f"{count:,}" if count else "" for count in counts))
    return table


def _lines(report: ModelReport) -> Iterator[str]:
    for what, ports in (("input", report.inputs), ("output", report.outputs)):
        yield from (f"{what} {_port(port)}" for port in ports)
    if report.parameters is not None:
        yield f"parameters: {report.parameters:,}"
    if report.estimate is not None:
        yield from _estimate_lines(report.estimate)
    yield from (f"note: {note}" for note in report.notes)
    name = comment_text(report.file)
    yield f"{name} can{'not' if report.problems else ''} be built"


def _port(port: ModelPort) -> str:
    return f"{comment_text(port.name)}: {'x'.join(map(str, port.shape))}"


def _estimate_lines(found: Estimate) -> Iterator[str]:
    code = "code not measured" if found.code_bytes is None else f"{found.code_bytes:,} code"
    yield f"layers: {found.layers:,}, MACs: {found.macs:,}"
    yield f"flash, estimated: {found.flash_bytes:,} B ({found.constant_bytes:,} constants, {code})"
    parts = f"{found.arena_bytes:,} arena, {found.io_bytes:,} inputs and outputs"
    yield f"RAM, estimated: {found.ram_bytes:,} B ({parts}), without stack"
    if found.cycles is not None:
        time = "" if found.milliseconds is None else f", {found.milliseconds:,.1f} ms"
        yield f"cycles, modelled: {found.cycles:,}{time} on {found.target}"

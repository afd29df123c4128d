"""The application: its commands, and how an error ends it."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

import mcuq
from mcuq.cli.commands import LazyGroup
from mcuq.cli.console import err
from mcuq.cli.output import patient_streams
from mcuq.errors import Exit, McuqError, Problem
from mcuq.reading.files import check_current_folder

app = typer.Typer(
    name="mcuq",
    cls=LazyGroup,
    help="Compile trained ONNX models to fixed-point C firmware, bit-exact with its Python simulator.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"mcuq {mcuq.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    check_current_folder()


def main() -> None:
    """Run the command line; every refusal ends with its documented exit code."""
    code: str | int | None = Exit.OK
    with patient_streams() as printed:
        try:
            _run()
        except SystemExit as end:
            code = end.code
    # Who closes a pipe has read enough; a disk that takes no more has lost what was asked for.
    if printed.failure is not None and not isinstance(printed.failure, BrokenPipeError):
        lost = Problem(
            "O012",
            "standard output cannot be written",
            "standard output",
            str(printed.failure.strerror or printed.failure),
            "free some space, or send it elsewhere; files that the command wrote are whole",
        )
        err.print(str(lost), markup=False)
        code = code or Exit.USAGE
    sys.exit(code)


def _run() -> None:
    try:
        app()
    except McuqError as error:
        err.print(str(error), markup=False)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("MCUQ_TRACEBACK"):
            raise
        problem = Problem(
            "I001",
            "mcuq failed in a way it should not",
            f"{type(error).__name__} in {_innermost(error)}",
            str(error) or "no message",
            "report it with the model; MCUQ_TRACEBACK=1 shows the whole trace",
        )
        err.print(str(problem), markup=False)
        sys.exit(Exit.INTERNAL)


def _innermost(error: Exception) -> str:
    trace = error.__traceback__
    assert trace is not None
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_globals.get('__name__')}, line {trace.tb_lineno}"

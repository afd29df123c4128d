"""What every command shares: where text goes, progress, errors, JSON."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Update = Callable[[int, int], None]

# A terminal gets tables as wide as it is; a pipe gets plain lines that do not wrap at 80.
out = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(document: Mapping[str, object]) -> None:
    """The one object of `--json`."""
    sys.stdout.write(json.dumps(document, indent=1, allow_nan=False) + "\n")


def warn(text: str) -> None:
    """A prominent line on standard error."""
    err.print(f"warning: {text}", style="bold yellow", markup=False)


@contextlib.contextmanager
def progress(what: str) -> Iterator[Update | None]:
    """A bar on standard error while a terminal watches; nothing otherwise."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(what, total=None)

        def update(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield update

"""Standard output that is closed or full must not undo what a command did."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO, cast


class Output:
    """A text stream that keeps its first failure instead of raising it.

    Args:
        stream: what is written to.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.failure: OSError | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write, or drop the text after a failure."""
        if self.failure is None:
            try:
                self.stream.write(text)
            except OSError as error:
                self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Hand on what was written."""
        if self.failure is None:
            try:
                self.stream.flush()
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self.failure = error
        # The interpreter flushes once more at its end, and would report what fails then.
        with contextlib.suppress(OSError, ValueError):
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, self.stream.fileno())
            os.close(sink)


@contextlib.contextmanager
def patient_streams() -> Iterator[Output]:
    """For the duration of a `with`, standard output and error never fail; yields the former."""
    out, err = Output(sys.stdout), Output(sys.stderr)
    sys.stdout, sys.stderr = cast(TextIO, out), cast(TextIO, err)
    try:
        yield out
        out.flush()
    finally:
        err.flush()
        sys.stdout, sys.stderr = out.stream, err.stream

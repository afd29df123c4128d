"""Runs the command line in this process, or in one of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

from mcuq.cli import app


@dataclasses.dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        """The one object on standard output."""
        document = json.loads(self.out)
        assert isinstance(document, dict)
        return document


def run(*arguments: object) -> Result:
    """`mcuq ...` in this process, without a terminal."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with (
        mock.patch.object(sys, "argv", ["mcuq", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            app.main()
        except SystemExit as end:
            code = 0 if end.code is None else int(end.code)
    return Result(code, out.getvalue(), err.getvalue())


def run_process(*arguments: object, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Result:
    """`mcuq ...` as a user starts it."""
    done = subprocess.run(
        [sys.executable, "-m", "mcuq", *map(str, arguments)],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def refused(result: Result, code: int, *problems: str) -> str:
    """Check a refusal: exit code, problem codes, all four lines of each, no traceback; returns its text."""
    assert (code, "") == (result.code, result.out), result
    lines = result.err.splitlines()
    found = [line[6:10] for line in lines if line.startswith("error[")]
    assert list(problems) == found, result.err
    for label in ("  where: ", "  why:   ", "  fix:   "):
        texts = [line for line in lines if line.startswith(label)]
        assert len(found) == len(texts), result.err
        assert all(line.removeprefix(label).strip() for line in texts), result.err
    assert "Traceback" not in result.err
    return result.err


def write(folder: Path, name: str, data: bytes) -> Path:
    """A file of these bytes."""
    path = folder / name
    path.write_bytes(data)
    return path

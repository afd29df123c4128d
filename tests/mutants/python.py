"""Runs mutants of Python modules."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from tests.mutants.change import Change, Fate
from tests.mutants.lowering import CHANGES
from tests.mutants.worker import ROOT


def run_python(changes: Sequence[Change]) -> list[Fate]:
    """Against the tests of their modules."""
    numbers = [CHANGES.index(change) for change in changes]
    command = [sys.executable, "-m", "tests.mutants.worker", *map(str, numbers)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert set(said) == {str(number) for number in numbers}, (done.stdout + done.stderr)[-2000:]
    found = [said[str(number)] for number in numbers]
    broken = [str(c) for c, name in zip(changes, found, strict=True) if name.startswith("!")]
    assert not broken, f"pytest cannot run with {broken}"
    return [Fate(c, None if name == "-" else name) for c, name in zip(changes, found, strict=True)]

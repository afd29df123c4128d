"""Damaged files are read or refused, each within a second and some megabytes."""

import subprocess
import sys

import pytest

from tests.damaged_files.readers import READERS
from tests.project.source import ROOT


@pytest.mark.slow
def test_damaged_files_are_read_or_refused(tmp_path):
    """In a process without threads, as it forks."""
    command = [sys.executable, "-W", "error", "-m", "tests.damaged_files", "--keep", str(tmp_path)]
    command += ["--cases", "60", "--seed", "1000000"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines()[-len(READERS) :]]
    assert list(READERS) == [row[0].removeprefix("| ") for row in rows]
    for row in rows:
        assert int(row[3]) > 0, f"nothing of {row[0]} was refused"

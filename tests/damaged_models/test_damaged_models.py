"""Absurd and damaged models are refused before anything of their size is allocated."""

import json
import subprocess
import sys

import pytest

from tests.damaged_models.named import NAMED
from tests.project.source import ROOT

# Python with its packages takes an eighth of that.
MOST_BYTES = 1 << 30


def _run(*arguments):
    """In a process without threads, as it forks."""
    command = [sys.executable, "-W", "error", "-m", "tests.damaged_models", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


@pytest.fixture(scope="module")
def outcomes():
    done = _run("--named")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", NAMED)
def test_absurd_models_are_refused(outcomes, name):
    outcome = outcomes[name]
    assert (outcome["status"], outcome["detail"]) == ("refused", NAMED[name][1])
    assert outcome["peak_bytes"] < MOST_BYTES


@pytest.mark.slow
def test_damaged_models_end_in_firmware_or_in_a_refusal(tmp_path):
    done = _run("--cases", "200", "--seed", "50000", "--keep", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "'built'" in done.stdout

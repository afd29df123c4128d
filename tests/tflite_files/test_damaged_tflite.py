"""Damaged files end in a model or in a refusal that says where."""

import subprocess
import sys
from pathlib import Path

import pytest

from mcuq.errors import McuqError
from mcuq.frontend import ModelFile
from mcuq.passes.canonicalize import canonicalize
from tests.project.source import ROOT
from tests.tflite_files.damage import damaged, sources


def _read(data):
    return canonicalize(ModelFile(Path("model.tflite"), data).read().graph)


def test_files_that_are_damaged_are_read_or_refused():
    files, codes = sources(), set()
    for seed in range(300):
        try:
            _read(damaged(files[seed % len(files)], seed))
        except McuqError as error:
            codes |= {problem.code for problem in error.problems}
    assert {"M001", "M002", "M004", "M006"} <= codes
    assert not any(code.startswith("I") for code in codes)


@pytest.mark.parametrize("size", [0, 7, 8, 20, 100, 300])
def test_file_that_is_cut_is_refused(size):
    with pytest.raises(McuqError) as error:
        _read(sources()[0][:size])
    assert error.value.problems[0].code == "M001"


@pytest.mark.slow
def test_builds_of_damaged_files_hold_less_than_a_gigabyte(tmp_path):
    command = [sys.executable, "-W", "error", "-m", "tests.tflite_files", "--cases", "100", "--seed", "50000"]
    done = subprocess.run([*command, "--keep", str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "'built'" in done.stdout

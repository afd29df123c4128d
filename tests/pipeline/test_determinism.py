"""Output depends on model, data, options and version only."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mcuq.pipeline.build import build
from tests.e2e.models import CASES
from tests.project.source import ROOT
from tests.tools import require

ENVIRONMENTS = {
    "plain": {},
    "other hash seed, time zone and locale": {"PYTHONHASHSEED": "1", "TZ": "Asia/Kathmandu", "LC_ALL": "C"},
    "one thread, optimized": {
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
        "PYTHONHASHSEED": "4242",
        "PYTHONOPTIMIZE": "1",
    },
}


def read(directory):
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths}


def build_in(folder, model, calibration, environment, umask):
    """A build in its own process and folder, with paths relative to that folder."""
    folder.mkdir()
    arguments = [
        *("build", os.path.relpath(model, folder), "--target", "cortex-m4", "--output", "out"),
        *("--calibration", os.path.relpath(calibration, folder), "--name", "digits", "--verify", "none"),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "mcuq", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        umask=umask,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return read(folder / "out")


def test_builds_in_any_surroundings_are_byte_identical(digits, tmp_path):
    expected = read(digits.firmware)
    for number, (name, environment) in enumerate(ENVIRONMENTS.items()):
        folder = tmp_path / name.replace(" ", "_")
        umask = (0o022, 0o077)[number % 2]
        found = build_in(folder, digits.model, digits.calibration, environment, umask)
        assert expected.keys() == found.keys(), name
        assert [path for path in expected if expected[path] != found[path]] == [], name


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m0plus", "host"])
def test_firmware_from_the_stored_program_is_byte_identical(digits, tmp_path, target):
    if target != "cortex-m4":
        # The stored program is the same whatever it was built for.
        build(
            digits.firmware / "digits.mcuq.npz",
            target,
            output=tmp_path / "first",
            name="digits",
            verify="none",
        )
        first = tmp_path / "first"
    else:
        first = digits.firmware
    again = build(first / "digits.mcuq.npz", target, output=tmp_path / "again", verify="none")
    assert read(first) == again.files == read(tmp_path / "again")
    assert (digits.firmware / "digits.mcuq.npz").read_bytes() == again.files["digits.mcuq.npz"]


def test_no_text_holds_a_date_or_a_path(digits, tmp_path):
    result = build(
        digits.model, "host", output=tmp_path / "a place with a name", name="digits", verify="none"
    )
    for path, data in result.files.items():
        if not path.endswith(".npz"):
            for trace in (
                b"/tmp",
                b"/home",
                os.fsencode(Path.home()),
                os.fsencode(Path(__file__).resolve().parents[2]),
                os.fsencode(tmp_path),
                b"a place",
                b"model.onnx",
            ):
                assert trace not in data, path


@pytest.mark.slow
@pytest.mark.parametrize("name", ["kws", "ic"])
def test_larger_builds_are_byte_identical(tmp_path, name):
    require("cc")
    results = []
    for number in range(2):
        done = build(CASES[name].path, "cortex-m7", output=tmp_path / str(number), name=name, verify="none")
        results.append(done.files)
    assert results[0] == results[1]

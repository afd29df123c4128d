"""A wheel holds all it needs: far from the checkout it builds the same bytes."""

import os
import subprocess
import sys
import zipfile

import pytest

from tests.project.source import ROOT, tracked_files

pytestmark = pytest.mark.slow
DIGITS = ROOT / "firmware_examples" / "digits"


def _run(*arguments, cwd, path=None):
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PIP_"))}
    if path is not None:
        env["PYTHONPATH"] = str(path)
    run = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=cwd, env=env, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    _run("-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    _run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", folder, wheel, cwd=folder)
    return folder


def test_wheel_holds_package_and_data_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in tracked_files():
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(("templates/", "targets/")):
            assert f"mcuq/_data/{name}" in names
        elif name.startswith("mcuq/"):
            assert name in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"mcuq"}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "mcuq/py.typed" in names


def test_wheel_builds_the_same_firmware_far_from_the_checkout(installed, tmp_path):
    where = _run("-c", "import mcuq; print(mcuq.__file__)", cwd=tmp_path, path=installed)
    assert where.startswith(str(installed))
    made = {}
    for name, path in (("wheel", installed), ("checkout", ROOT)):
        output = tmp_path / name
        arguments = (DIGITS / "model.onnx", "--target", "cortex-m4", "--name", "digits", "--output", output)
        data = ("--calibration", DIGITS / "calibration.npy", "--verify", "none")
        _run("-m", "mcuq", "build", *arguments, *data, cwd=tmp_path, path=path)
        made[name] = {file.relative_to(output): file.read_bytes() for file in output.rglob("*.*")}
    assert made["checkout"] == made["wheel"]
    assert len(made["wheel"]) > 10


def test_wheel_has_the_command(installed, tmp_path):
    assert (installed / "bin" / "mcuq").is_file() or (installed / "Scripts" / "mcuq.exe").is_file()
    assert _run("-m", "mcuq", "--version", cwd=tmp_path, path=installed).startswith("mcuq ")

"""The project's own scripts."""

import os
import re
import subprocess
import sys

import pytest

from tests.project.source import ROOT


def _run(script, *arguments):
    command = [sys.executable, str(ROOT / "tools" / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("name", ["", "HardSwish", "hard__swish", "../x", "1x"])
def test_new_op_refuses_names_that_are_not_snake_case(name):
    assert _run("new_op.py", name).returncode == 2


def test_new_op_refuses_to_overwrite():
    run = _run("new_op.py", "softmax")
    assert run.returncode == 2
    assert "mcuq/ops/softmax.py exists" in run.stderr


def test_new_op_writes_files_that_compile(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import new_op

    files = {path.relative_to(ROOT).as_posix(): text for path, text in new_op.skeleton("hard_swish").items()}
    assert "class HardSwishStep(StepOp)" in files["mcuq/ops/hard_swish.py"]
    assert "mcuq_hard_swish_s8(" in files["targets/portable/kernels/mcuq_hard_swish_s8.h"]
    for path, text in files.items():
        assert "@" not in text.replace("@dataclasses", ""), path
        if path.endswith(".py"):
            compile(text, path, "exec")


def test_make_venv_refuses_what_is_no_python(tmp_path):
    folder = tmp_path / "venv"
    run = subprocess.run(
        ["sh", str(ROOT / "tools" / "make_venv.sh"), str(folder), "no-such-python"],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert "3.10 or later" in run.stderr
    assert not folder.exists()


def test_make_installs_without_warnings_of_pip(tmp_path):
    options = re.search(r"^INSTALL := \$\(PY\) (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)[
        1
    ]
    cache = tmp_path / "cache"
    cache.mkdir()
    if os.getuid() == 0:
        os.chown(cache, 1, 1)
    cache.chmod(0o500)
    command = [sys.executable, *options.split(), "--no-index", "--no-deps"]
    environment = {**os.environ, "PIP_CACHE_DIR": str(cache)}
    run = subprocess.run([*command, "pip"], capture_output=True, text=True, env=environment)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    run = subprocess.run([*command, "no-such-package-here"], capture_output=True, text=True, env=environment)
    assert run.returncode != 0
    assert "no-such-package-here" in run.stderr


@pytest.mark.slow
def test_tests_that_a_task_names_are_there():
    """A renamed test would end `make no-vnni` before it runs any."""
    listed = subprocess.run(
        ["make", "--silent", "--eval", "names: ; @echo $(QUANTIZED)", "names"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = listed.stdout.split()
    assert any("::" in name for name in names)
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout + found.stderr

"""The project's own scripts."""

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

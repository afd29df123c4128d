"""An application's repository with firmware in it, and its tests run as a user runs them."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.project.source import ROOT

# A checkout that was installed before the plugin existed does not announce it.
IS_ANNOUNCED = bool(importlib.metadata.entry_points(group="pytest11", name="mcuq"))


def environment(commands: Path) -> dict[str, str]:
    """An environment in which `mcuq` and `pytest` are this checkout's, as if it were installed."""
    commands.mkdir(exist_ok=True)
    for name in ("mcuq", "pytest"):
        script = commands / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {name} "$@"\n')
        script.chmod(0o755)
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    env["PATH"] = f"{commands}{os.pathsep}{env['PATH']}"
    env["PYTHONPATH"] = str(ROOT)
    if not IS_ANNOUNCED:
        env["PYTEST_ADDOPTS"] = "-p mcuq.pytest_plugin"
    return env


def repository(folder: Path, firmware: Path) -> Path:
    """A folder with a copy of the firmware as `firmware/kws`."""
    shutil.copytree(firmware, folder / "firmware" / "kws")
    (folder / "tests").mkdir()
    return folder


def pytest_outcomes(folder: Path, env: dict[str, str], *arguments: str) -> tuple[dict[str, str], str]:
    """How each test of a repository ended, and all that was printed."""
    command = ["pytest", "-rA", "-p", "no:cacheprovider", *arguments, "tests"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    found = re.findall(r"^(PASSED|FAILED|ERROR) tests/test_firmware\.py::(\w+)", done.stdout, re.MULTILINE)
    return {name: outcome for outcome, name in found}, done.stdout + done.stderr

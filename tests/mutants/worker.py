"""Runs tests against changed modules: python -m tests.mutants.worker NUMBER...

The numbers are of `lowering.CHANGES`. Each change has a process that imports the changed module in place of
the module; what all need is imported once, before. Prints a line for each: number and test that failed.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import networkx  # noqa: F401  imported once for all
import numpy as np  # noqa: F401
import onnx  # noqa: F401
import pytest

from tests.mutants.change import Change
from tests.mutants.lowering import CHANGES, TESTS

ROOT = Path(__file__).resolve().parents[2]
_SURVIVED = "-"


class _Changed(importlib.abc.MetaPathFinder, importlib.machinery.SourceFileLoader):
    """Finds one module, and loads it with a change."""

    def __init__(self, change: Change) -> None:
        path = ROOT / change.file
        super().__init__(change.file.removesuffix(".py").replace("/", "."), str(path))
        self._code = compile(change.apply(path.read_text("utf-8")), str(path), "exec")

    def find_spec(self, name: str, path: object, target: object = None):
        if name != self.name:
            return None
        return importlib.machinery.ModuleSpec(name, self, origin=self.path)

    def get_code(self, fullname: str):
        return self._code


class _FirstFailure:
    """What failed first."""

    name = _SURVIVED

    def _note(self, report) -> None:
        if report.failed and self.name == _SURVIVED:
            self.name = report.nodeid

    pytest_runtest_logreport = pytest_collectreport = _note


def _test(change: Change) -> str:
    changed = _Changed(change)
    sys.meta_path.insert(0, changed)
    plugin = _FirstFailure()
    # Where mcuq is installed, its pytest plugin makes pytest rewrite, and so import, all of mcuq itself.
    quiet = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--assert=plain", "--hypothesis-seed=0"]
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        code = pytest.main([*quiet, *TESTS[change.file]], plugins=[plugin])
    module = sys.modules.get(changed.name)
    if module is not None and module.__loader__ is not changed:
        return "!unchanged"
    if code == pytest.ExitCode.OK:
        return _SURVIVED
    return plugin.name if plugin.name != _SURVIVED else f"!{int(code)}"


def main(numbers: Sequence[int], processes: int = 2) -> None:
    assert not any(name.split(".")[0] == "mcuq" for name in sys.modules), "mcuq was imported unchanged"
    running: set[int] = set()
    for number in numbers:
        if len(running) == processes:
            running.discard(os.wait()[0])
        child = os.fork()
        if child == 0:
            line = f"{number} {_test(CHANGES[number])}\n"
            os.write(1, line.encode())
            os._exit(0)
        running.add(child)
    for _ in running:
        os.wait()


if __name__ == "__main__":
    main([int(number) for number in sys.argv[1:]])

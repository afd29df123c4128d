"""What draws operators: every file of this folder that has `DRAWS` adds its own."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mcuq.ops.onnx.registry import readers
from tests.random_graphs.net import Net

Rng = np.random.Generator
Action = Callable[[Net, Rng], bool]

# Operators that are read and that no graph holds, and why.
UNDRAWN: dict[str, str] = {
    "ai.onnx.ml.TreeEnsemble": "of version 5 of its domain; models here import version 3",
}


@dataclasses.dataclass(frozen=True)
class Draw:
    """A way to make a graph larger.

    Args:
        weight: how often it is tried.
        action: adds nodes to a `Net`, and says whether it could.
        needs: operators that have to be read for it to be tried.
    """

    weight: int
    action: Action
    needs: frozenset[str]


def draw(weight: int, action: Action, *needs: str) -> Draw:
    """One line of a file's `DRAWS`."""
    return Draw(weight, action, frozenset(needs))


@functools.cache
def known() -> frozenset[str]:
    """Operators that mcuq reads; those of another domain than ONNX's own stand behind it."""
    return frozenset(readers().supported)


def some_known(*names: str) -> list[str]:
    """Those that are read: an operator that is read tomorrow is drawn tomorrow."""
    return [name for name in names if name in known()]


@functools.cache
def draws() -> tuple[Draw, ...]:
    """All of which mcuq reads what they draw."""
    room = Path(__file__).parent
    names = sorted(each.name for each in pkgutil.iter_modules([str(room)]) if each.name != "__main__")
    modules = [
        importlib.import_module(f"tests.random_graphs.{name}") for name in names if "test_" not in name
    ]
    found = [each for module in modules for each in getattr(module, "DRAWS", ())]
    return tuple(each for each in found if each.needs <= known())

"""Examples and plain-integer references of every step, from the modules named like the operator families."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

import pytest

from mcuq.ir.integer import Rounding
from mcuq.ops.registry import FAMILIES, STEP_OPS
from tests.ops.randoms import Example, Generator

_T = TypeVar("_T")


def declared(name: str) -> dict[str, Any]:
    """What the families declare under a name, all of it in one."""
    found: dict[str, Any] = {}
    for family in FAMILIES:
        if importlib.util.find_spec(f"tests.ops.{family}") is not None:
            found.update(getattr(importlib.import_module(f"tests.ops.{family}"), name, {}))
    return found


class Parts(dict[str, _T]):
    """What the families declare under one name, by kind; a missing kind fails the test that asks for it."""

    def __init__(self, name: str) -> None:
        super().__init__(declared(name))
        self.name = name

    def __missing__(self, kind: str) -> _T:
        pytest.fail(self.missing(kind))

    def missing(self, kind: str) -> str:
        """What to do about a kind that is not there."""
        family = STEP_OPS[kind].__module__.rsplit(".", 1)[-1]
        return (
            f"operator '{kind}' has no {self.name}: give tests/ops/{family}.py an entry {self.name}['{kind}']"
        )


GENERATORS: Parts[Generator] = Parts("EXAMPLES")
REFERENCES: Parts[Callable[..., Any]] = Parts("REFERENCES")


# Of steps that take int16 as well.
WIDE_GENERATORS: Parts[Generator] = Parts("WIDE_EXAMPLES")
# Of steps that take weights of four bits as well.
NARROW_GENERATORS: Parts[Generator] = Parts("NARROW_EXAMPLES")
# Of steps that take both at once.
NARROW_WIDE_GENERATORS: Parts[Generator] = Parts("NARROW_WIDE_EXAMPLES")


def examples(kind: str, count: int, rounding: Rounding, seed: int = 0) -> list[Example]:
    """`count` examples of an operator, the same on every machine."""
    make = GENERATORS[kind]
    return [make(Random(f"{kind} {rounding.value} {seed} {index}"), rounding) for index in range(count)]


def all_examples(kind: str, count: int, rounding: Rounding, seed: int = 0) -> list[Example]:
    """`examples`, and half as many, eight at least, of int16, four bits and both where there are such."""
    found = examples(kind, count, rounding, seed)
    for what, makers in (
        ("wide", WIDE_GENERATORS),
        ("narrow", NARROW_GENERATORS),
        ("narrow wide", NARROW_WIDE_GENERATORS),
    ):
        if kind in makers:
            names = (f"{what} {kind} {rounding.value} {seed} {index}" for index in range(max(8, count // 2)))
            found += [makers[kind](Random(name), rounding) for name in names]
    return found

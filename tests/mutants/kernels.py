"""Runs mutants of kernels: compiled together, each in a process of its own or in one emulated core."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from tests.kernels.isolated.cases import Case
from tests.kernels.isolated.emulator import Emulator
from tests.kernels.isolated.host import run_on_host
from tests.kernels.isolated.source import Program, header, included
from tests.kernels.special import special_cases
from tests.mutants.change import Change, Fate


@functools.cache
def cases_of(file: str) -> tuple[Case, ...]:
    """Those of kernels that a header is part of."""
    return tuple(each for each in special_cases() if file in included(f"{each.call.kernel}.h"))


def program_of(change: Change) -> Program:
    mutant = change.apply(header(change.file).read_text("utf-8"))
    return Program(cases_of(change.file), replace={change.file: mutant})


def run_c(changes: Sequence[Change], folder: Path) -> list[Fate]:
    """On the host, under sanitizers."""
    programs = [program_of(change) for change in changes]
    outcomes = run_on_host(programs, folder, opt="-O1", seconds=20)
    return [
        Fate(change, None if outcome.is_right else _described(program, outcome))
        for change, program, outcome in zip(changes, programs, outcomes, strict=True)
    ]


def _described(program: Program, outcome) -> str:
    kinds = {1: "values differ", 2: "an input changes", 3: "it cannot be run", 99: "a sanitizer stops it"}
    what = kinds.get(outcome.status, f"signal {outcome.status - 100}")
    assert outcome.status != 3, outcome
    return f"{what} in case {outcome.case} of {len(program.cases)}"


def run_assembly(changes: Sequence[Change], folder: Path) -> list[Fate]:
    """In an emulated Cortex-M4."""
    programs = [program_of(change) for change in changes]
    emulator = Emulator(programs, folder)
    found = []
    for number, (change, program) in enumerate(zip(changes, programs, strict=True)):
        problems = (emulator.run(number, each) for each in program.cases)
        problem = next((problem for problem in problems if problem is not None), None)
        found.append(Fate(change, problem))
    return found

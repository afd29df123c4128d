"""What kernels cost on a core: modelled time of a step, bytes of code.

The figures are in targets/*/costs.toml, by core. Time is in cycles, or in instructions on cores for which no
model of cycles is validated (targets/cycles). What was not measured on a core has no cost there, not a small
one.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from mcuq.ir.program import Optimize
from mcuq.kernels.variant import Terms
from mcuq.resources import target_tables

Unit: TypeAlias = Literal["cycles", "instructions"]
# The better measure first.
UNITS: tuple[Unit, ...] = ("cycles", "instructions")
PARTS = 64  # coefficients are in 1 / PARTS of a unit


class CodeSizes:
    """Bytes of the functions of kernel files, compiled in one way."""

    def __init__(self, files: Mapping[str, int]) -> None:
        """For those that were measured.

        Args:
            files: bytes by name.
        """
        self._files = files
        self._most = max(files.values(), default=0)

    def known(self, files: Iterable[str]) -> int | None:
        """Bytes of some files, each counted once; None where one was not measured."""
        names = set(files)
        return self.bound(names) if names <= self._files.keys() else None

    def bound(self, files: Iterable[str]) -> int:
        """The same for limits: a file that was not measured counts as the largest that was."""
        return sum(self._files.get(file, self._most) for file in set(files))


@dataclasses.dataclass(frozen=True, slots=True)
class CoreCosts:
    """What was measured on a core.

    Args:
        core: its name.
        unit: in which time is stated.
        files: of each kernel, its own and those it includes.
        code: bytes of a file's functions at -O2 and at -Os.
        coefficients: of each kernel, those of its terms.
    """

    core: str
    unit: Unit
    files: Mapping[str, tuple[str, ...]]
    code: Mapping[str, tuple[int, int]]
    coefficients: Mapping[str, Mapping[str, int]]

    def time(self, kernel: str, terms: Terms | None) -> int | None:
        """About how long a kernel takes for a step, None where that was not measured.

        Args:
            kernel: its name.
            terms: the step's counts; None where nobody counts them.
        """
        found = self.coefficients.get(kernel)
        if found is None or terms is None:
            return None
        counts = {name: count for name, count in terms.items() if count}
        if not counts.keys() <= found.keys():
            return None
        return sum(count * found[name] for name, count in counts.items()) // PARTS

    def kernel_files(self, kernel: str) -> tuple[str, ...]:
        """The files that a kernel brings along; one that was not measured brings its own."""
        return self.files.get(kernel, (f"{kernel}.h",))

    def code_sizes(self, optimize: Optimize) -> CodeSizes:
        """Bytes of files as they will be compiled: for the smallest size with -Os, otherwise with -O2."""
        column = int(optimize is Optimize.SIZE)
        return CodeSizes({file: sizes[column] for file, sizes in self.code.items()})


@functools.lru_cache(maxsize=16)
def load_costs(core: str) -> CoreCosts:
    """The figures of a core, from the files of all instruction sets."""
    files: dict[str, tuple[str, ...]] = {}
    code: dict[str, tuple[int, int]] = {}
    times: dict[Unit, dict[str, Mapping[str, int]]] = {unit: {} for unit in UNITS}
    for table in target_tables("*/costs.toml"):
        files |= {kernel: tuple(names) for kernel, names in table["files"].items()}
        if core in table["code_cores"]:
            code |= {file: (o2, os) for file, (o2, os) in table["code"].items()}
        for unit in UNITS:
            times[unit] |= table.get(unit, {}).get(core, {})
    unit = next((unit for unit in UNITS if times[unit]), UNITS[0])
    return CoreCosts(core, unit, files, code, times[unit])

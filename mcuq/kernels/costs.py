"""What kernels cost on a core: modelled cycles of a step, bytes of code.

The figures are in targets/*/costs.toml. Each file names the cores that its cycles and its bytes hold for.
What was not measured on a core has no cost there, not a small one.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping

from mcuq.ir.program import Optimize
from mcuq.kernels.variant import Terms
from mcuq.resources import target_tables

UNIT = 64  # coefficients are in 1 / UNIT cycles


@dataclasses.dataclass(frozen=True, slots=True)
class CoreCosts:
    """What was measured on a core.

    Args:
        core: its name.
        files: of each kernel, its own and those it includes.
        code: bytes of a file's functions at -O2 and at -Os.
        coefficients: of each kernel, those of its terms.
    """

    core: str
    files: Mapping[str, tuple[str, ...]]
    code: Mapping[str, tuple[int, int]]
    coefficients: Mapping[str, Mapping[str, int]]

    def cycles(self, kernel: str, terms: Terms | None) -> int | None:
        """About how many cycles a kernel takes for a step, None where that was not measured.

        Args:
            kernel: its name.
            terms: the step's counts; None where nobody counts them.
        """
        found = self.coefficients.get(kernel)
        if (
            found is None
            or terms is None
            or not {name for name, count in terms.items() if count} <= set(found)
        ):
            return None
        return sum(count * found.get(name, 0) for name, count in terms.items()) // UNIT

    def kernel_files(self, kernel: str) -> tuple[str, ...]:
        """The files that a kernel brings along; one that was not measured brings its own."""
        return self.files.get(kernel, (f"{kernel}.h",))

    def code_bytes(self, files: Iterable[str], optimize: Optimize) -> int | None:
        """Bytes of the functions of some files, each counted once; None where one was not measured.

        Args:
            files: names.
            optimize: firmware for the smallest size is compiled with -Os, all other with -O2.
        """
        files = set(files)
        return self.code_bound(files, optimize) if files <= set(self.code) else None

    def code_bound(self, files: Iterable[str], optimize: Optimize) -> int:
        """The same for limits: a file that was not measured counts as the largest that was.

        Args:
            files: names.
            optimize: as above.
        """
        column = int(optimize is Optimize.SIZE)
        most = max((each[column] for each in self.code.values()), default=0)
        return sum(self.code[file][column] if file in self.code else most for file in set(files))


@functools.lru_cache(maxsize=16)
def load_costs(core: str) -> CoreCosts:
    """The figures of a core, from the files of all instruction sets."""
    files: dict[str, tuple[str, ...]] = {}
    code: dict[str, tuple[int, int]] = {}
    cycles: dict[str, Mapping[str, int]] = {}
    for table in target_tables("*/costs.toml"):
        files |= {kernel: tuple(names) for kernel, names in table["files"].items()}
        if core in table["code_cores"]:
            code |= {file: (o2, os) for file, (o2, os) in table["code"].items()}
        if core in table["cycles_cores"]:
            cycles |= table["cycles"]
    return CoreCosts(core, files, code, cycles)

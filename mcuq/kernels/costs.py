"""What kernels cost: modelled cycles of a step, bytes of code; the figures are in targets/*/costs.toml.

They were measured on Cortex-M4 and serve for all cores: they order variants, they do not predict a device.
"""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mcuq.ir.program import Optimize, StepOp
from mcuq.kernels.cost_terms import TERMS
from mcuq.kernels.variant import Site
from mcuq.resources import targets_dir

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

UNIT = 64  # coefficients are in 1 / UNIT cycles


@dataclasses.dataclass(frozen=True, slots=True)
class Figures:
    """What was measured.

    Args:
        files: of each kernel, its own and those it includes.
        code: bytes of a file's functions at -O2 and at -Os.
        cycles: of each kernel, the coefficients of its counts.
    """

    files: Mapping[str, tuple[str, ...]]
    code: Mapping[str, tuple[int, int]]
    cycles: Mapping[str, Mapping[str, int]]


@functools.lru_cache(maxsize=4)
def _read_all(folder: Path) -> Figures:
    found = Figures({}, {}, {})
    for path in sorted(folder.glob("*/costs.toml")):
        table: Mapping[str, Any] = tomllib.loads(path.read_text("utf-8"))
        found = Figures(
            {**found.files, **{kernel: tuple(files) for kernel, files in table["files"].items()}},
            {**found.code, **{file: (o2, os) for file, (o2, os) in table["code"].items()}},
            {**found.cycles, **table["cycles"]},
        )
    return found


def modelled_cycles(kernel: str, op: StepOp, site: Site) -> int | None:
    """About how many cycles a kernel takes for a step, None for a kernel without a model.

    Args:
        kernel: its name.
        op: the step.
        site: its shapes.
    """
    coefficients = _read_all(targets_dir()).cycles.get(kernel)
    if coefficients is None or kernel not in TERMS:
        return None
    return sum(count * coefficients.get(name, 0) for name, count in TERMS[kernel](op, site).items()) // UNIT


def kernel_files(kernel: str) -> tuple[str, ...]:
    """The files that a kernel brings along; one that was not measured brings its own."""
    return _read_all(targets_dir()).files.get(kernel, (f"{kernel}.h",))


def code_bytes(files: Iterable[str], optimize: Optimize) -> int:
    """Bytes of the functions of some files, each counted once; 0 for what was not measured.

    Args:
        files: names.
        optimize: firmware for the smallest size is compiled with -Os, all other with -O2.
    """
    code = _read_all(targets_dir()).code
    return sum(code.get(file, (0, 0))[optimize is Optimize.SIZE] for file in set(files))

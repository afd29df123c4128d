"""The kernel sources that a plan needs, and no others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mcuq.errors import fail
from mcuq.ir.integer import Rounding
from mcuq.resources import targets_dir

_INCLUDE = re.compile(rb'^#include "([A-Za-z0-9_]+\.h)"', re.MULTILINE)
# Files of which there is one for each contract.
_BY_ROUNDING = ("mcuq_requantize.h", "mcuq_cmsis_nn_rounding.h")


def kernel_sources(kernels: Iterable[str], isa: Sequence[str], rounding: Rounding) -> dict[str, bytes]:
    """Files by name: the kernels and what they include.

    Args:
        kernels: names of functions; each has the file `<name>.h`.
        isa: the target's kernel directories, the most special first; a file there hides its parents'.
        rounding: which requantization stands behind `mcuq_requantize.h`.
    """
    files: dict[str, bytes] = {}
    pending = [f"{kernel}.h" for kernel in kernels]
    while pending:
        name = pending.pop()
        if name in files:
            continue
        stored = f"{name.removesuffix('.h')}_{rounding.value}.h" if name in _BY_ROUNDING else name
        files[name] = _read(stored, isa)
        pending += [include.decode() for include in _INCLUDE.findall(files[name])]
    return dict(sorted(files.items()))


def _read(name: str, isa: Sequence[str]) -> bytes:
    for directory in isa:
        path = targets_dir() / directory / "kernels" / name
        if path.is_file():
            return path.read_bytes()
    raise fail(
        "I001",
        f"the kernel file {name} is missing",
        where=f"targets/{{{','.join(isa)}}}/kernels",
        why="a variant names a file that no kernel directory of the target holds",
        fix="install mcuq again; if it stays, report it",
    )

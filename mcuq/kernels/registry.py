"""Which kernel variants there are: those of the instruction sets' packages, found by being there."""

from __future__ import annotations

import functools
import importlib
import pkgutil

import mcuq.kernels
from mcuq.ir.kernel_set import KernelSet
from mcuq.kernels.variant import VariantType


def instruction_sets() -> tuple[str, ...]:
    """The packages of `mcuq.kernels` but for those that call a library, by name."""
    found = {each.name for each in pkgutil.iter_modules(mcuq.kernels.__path__) if each.ispkg}
    return tuple(sorted(found - {*libraries()}))


def libraries() -> tuple[str, ...]:
    """The packages whose kernels call a library that is not ours, by name."""
    return tuple(each.package for each in KernelSet if each.package is not None)


@functools.lru_cache(maxsize=64)
def isa_variants(isa: str) -> tuple[VariantType, ...]:
    """The variants of an instruction set; of one step those to prefer first. None where it has no package.

    Args:
        isa: its name, as in the list of a core; or that of a package that calls a library.
    """
    if isa not in (*instruction_sets(), *libraries()):
        return ()
    package = importlib.import_module(f"mcuq.kernels.{isa}")
    found: list[VariantType] = []
    for each in sorted(pkgutil.iter_modules(package.__path__), key=lambda each: each.name):
        module = importlib.import_module(f"{package.__name__}.{each.name}")
        found += getattr(module, "VARIANTS", ())
    return tuple(found)

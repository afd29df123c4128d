"""Examples for the kernels of special instruction sets, from the folders of tests named like them.

`tests/kernels/<isa>/examples.py` states `MAKERS`, by kernel, of the shapes that it treats in its own ways,
and `MANY`, kernels of which more are drawn; `edges.py` gives both sides of every limit, and more examples.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import importlib.util
import itertools
from collections.abc import Callable, Iterator
from random import Random
from types import ModuleType

from mcuq.kernels.registry import instruction_sets
from tests.kernels.isolated.cases import Case, cases, find_variant, shapes_of
from tests.ops.randoms import Example

Maker = Callable[[Random], Example]

# Layers per maker.
COUNT, MANY = 12, 40
# Limits that cut values off below, above and on both sides, which draws may miss for a kernel.
LIMITS = ((-20, 127), (-128, 20), (-20, 20))


@dataclasses.dataclass(frozen=True, eq=False)
class Edge:
    """Two layers that differ by one unit of what a kernel limits.

    Args:
        kernel: the variant.
        limit: what is limited.
        inside: accepted.
        outside: refused.
    """

    kernel: str
    limit: str
    inside: Example
    outside: Example

    def __str__(self):
        return f"{self.kernel}: {self.limit}"


def _modules(name: str) -> Iterator[ModuleType]:
    for isa in instruction_sets():
        if importlib.util.find_spec(f"tests.kernels.{isa}") is not None:
            yield importlib.import_module(f"tests.kernels.{isa}.{name}")


@functools.cache
def makers() -> dict[str, tuple[Maker, ...]]:
    """Of examples, by kernel."""
    return {kernel: found for module in _modules("examples") for kernel, found in module.MAKERS.items()}


@functools.cache
def edges() -> tuple[Edge, ...]:
    """Of all kernels."""
    return tuple(edge for module in _modules("edges") for edge in module.edges())


@functools.cache
def _many() -> frozenset[str]:
    return frozenset(kernel for module in _modules("examples") for kernel in module.MANY)


def accepted(kernel: str, count: int) -> list[Example]:
    """`count` examples per maker that the kernel accepts."""
    variant = find_variant(kernel)
    found = []
    for make in makers()[kernel]:
        tries = (make(Random(f"{kernel} {make.__name__} {index}")) for index in itertools.count())
        takes = (each for each in tries if variant(each.op, shapes_of(each)).refusal() is None)
        found += itertools.islice(takes, count)
    return found


@functools.cache
def cases_of_kernel(kernel: str) -> tuple[Case, ...]:
    """Layers inside the kernel's limits, and as drawn."""
    tested = [find_variant(kernel)]
    found = cases((edge.inside for edge in edges() if edge.kernel == kernel), tested)
    more = [example for module in _modules("edges") for example in module.more_examples()]
    found += cases(more, tested, 3)
    drawn = accepted(kernel, MANY if kernel in _many() else COUNT)
    limited = (limit(each, *limits) for each in drawn[:4] if _has_limits(each) for limits in LIMITS)
    return tuple(found + cases(drawn, tested, 3) + cases(limited, tested, 3))


def _has_limits(example: Example) -> bool:
    """Whether a step says how its codes are limited."""
    return hasattr(example.op, "params") or hasattr(example.op, "lo")


def limit(example: Example, lo: int, hi: int) -> Example:
    """The same layer with other limits of its output."""
    params = getattr(example.op, "params", None)
    if params is None:
        return dataclasses.replace(example, op=dataclasses.replace(example.op, lo=lo, hi=hi))
    params = dataclasses.replace(params, lo=lo, hi=hi)
    return dataclasses.replace(example, op=dataclasses.replace(example.op, params=params))


@functools.cache
def special_cases() -> tuple[Case, ...]:
    """Those of all kernels."""
    return tuple(each for kernel in makers() for each in cases_of_kernel(kernel))

"""A bound of the stack that a model takes whatever compiles it, from figures of its kernels.

A header cannot hold what one compiler makes of it: the same build has to give the same bytes on every
machine. So every kernel is measured once, as the largest of several compilers and options
(targets/*/stack.toml), and a model's bound follows from its kernels (docs/adr/0007).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping

from mcuq.resources import target_tables

# What the model's own function takes beside a kernel inlined into it: registers, addresses of buffers, and
# what compilers do not share between kernels. Measured on eight networks: 104 bytes at the most.
RUN_BYTES = 128
_ALIGNMENT = 8


@dataclasses.dataclass(frozen=True, slots=True)
class KernelStack:
    """Bytes of a kernel, the largest that were measured.

    Args:
        inlined: the frame of a function that it is inlined into.
        deepest: the deepest chain of calls from it on, where it is not.
        unoptimized: likewise at -O0 and -Og, where nothing is inlined.
    """

    inlined: int
    deepest: int
    unoptimized: int


def stack_bound(core: str, kernels: Iterable[str]) -> int | None:
    """Bytes of stack that a model takes at the most, None where a kernel was not measured on the core.

    `RUN_BYTES` + max(max inlined + max deepest, max unoptimized)

    Args:
        core: its name.
        kernels: those of the model.
    """
    known = kernel_stacks(core)
    names = set(kernels)
    if not names <= set(known):
        return None
    chosen = [known[name] for name in names]
    inlined, deepest, unoptimized = (
        max((getattr(each, field.name) for each in chosen), default=0)
        for field in dataclasses.fields(KernelStack)
    )
    most = RUN_BYTES + max(inlined + deepest, unoptimized)
    return -(-most // _ALIGNMENT) * _ALIGNMENT


@functools.lru_cache(maxsize=16)
def kernel_stacks(core: str) -> Mapping[str, KernelStack]:
    """What was measured on a core, by kernel."""
    found: dict[str, KernelStack] = {}
    for table in target_tables("*/stack.toml"):
        found |= {kernel: KernelStack(*values) for kernel, values in table.get(core, {}).items()}
    return found

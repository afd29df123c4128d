"""Choose one candidate per step for a whole network: code counts once per file, so steps depend on others."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from mcuq.ir.plan import KernelCall
from mcuq.ir.program import Optimize
from mcuq.kernels.costs import code_bytes, kernel_files


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A variant that accepts a step.

    Args:
        call: the step with this variant.
        cycles: modelled; 0 where nothing was measured, so that such variants keep their place before others.
    """

    call: KernelCall
    cycles: int

    @property
    def constant_bytes(self) -> int:
        """Of its constant arrays."""
        return sum(array.values.nbytes for array in self.call.arrays)


@dataclasses.dataclass(frozen=True, slots=True)
class Total:
    """What a choice costs in all.

    Args:
        cycles: modelled.
        constant_bytes: of all constant arrays.
        code_bytes: of the kernels, every file once.
    """

    cycles: int
    constant_bytes: int
    code_bytes: int

    @property
    def flash_bytes(self) -> int:
        """Constants and code."""
        return self.constant_bytes + self.code_bytes


Choice: TypeAlias = tuple[int, ...]  # per step the index of a candidate
Candidates: TypeAlias = Sequence[Sequence[Candidate]]
Key: TypeAlias = Callable[[Total], tuple[int, ...]]


def total(candidates: Candidates, choice: Choice, optimize: Optimize) -> Total:
    """Add up what a choice costs."""
    chosen = [each[index] for each, index in zip(candidates, choice, strict=True)]
    files = {file for kernel in {each.call.kernel for each in chosen} for file in kernel_files(kernel)}
    return Total(
        sum(each.cycles for each in chosen),
        sum(each.constant_bytes for each in chosen),
        code_bytes(files, optimize),
    )


def choose(candidates: Candidates, optimize: Optimize, key: Key) -> Choice:
    """The choice with the smallest key that single and joint changes find from several starts.

    Args:
        candidates: per step at least one, those to prefer first.
        optimize: how the code will be compiled.
        key: what to minimize; the first number is what is exceeded of limits.
    """
    by_cycles = tuple(_least(each, lambda one: (one.cycles, one.constant_bytes)) for each in candidates)
    if optimize is not Optimize.SIZE and key(total(candidates, by_cycles, optimize))[0] == 0:
        return by_cycles  # the fewest cycles of all choices, and within the limits
    starts = (
        by_cycles,
        tuple(_least(each, lambda one: (one.constant_bytes, one.cycles)) for each in candidates),
        tuple(len(each) - 1 for each in candidates),
    )
    found = [_improve(candidates, start, optimize, key) for start in starts]
    return min(found, key=lambda choice: (key(total(candidates, choice, optimize)), choice))


def _least(each: Sequence[Candidate], key: Callable[[Candidate], tuple[int, ...]]) -> int:
    return min(range(len(each)), key=lambda index: (*key(each[index]), index))


def _improve(candidates: Candidates, choice: Choice, optimize: Optimize, key: Key) -> Choice:
    """Make the best change as long as one is an improvement."""
    best = key(total(candidates, choice, optimize))
    while True:
        changed = [(key(total(candidates, c, optimize)), c) for c in _changes(candidates, choice)]
        if not changed or min(changed)[0] >= best:
            return choice
        best, choice = min(changed)


def _changes(candidates: Candidates, choice: Choice) -> Iterator[Choice]:
    """One step otherwise; all steps of one kernel otherwise; all steps that can with one kernel."""
    for step, each in enumerate(candidates):
        for index in range(len(each)):
            if index != choice[step]:
                yield (*choice[:step], index, *choice[step + 1 :])
    kernels = [[one.call.kernel for one in each] for each in candidates]
    chosen = [names[index] for names, index in zip(kernels, choice, strict=True)]
    several = {name for names in kernels if len(names) > 1 for name in names}
    for name in sorted(several):
        for gone in (None, *sorted(several - {name})):
            moved = tuple(
                names.index(name) if name in names and gone in (None, now) else index
                for names, now, index in zip(kernels, chosen, choice, strict=True)
            )
            if moved != choice:
                yield moved

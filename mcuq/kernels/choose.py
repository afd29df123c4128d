"""Choose one candidate per step for a whole network: code counts once per file, so steps depend on others."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from mcuq.ir.plan import KernelCall
from mcuq.ir.program import Optimize
from mcuq.kernels.costs import CoreCosts


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A variant that accepts a step.

    Args:
        call: the step with this variant.
        cycles: modelled, None where they were not measured on the core.
        rank: its place where cycles do not decide, see `rank_candidates`.
    """

    call: KernelCall
    cycles: int | None
    rank: int = 0

    @property
    def constant_bytes(self) -> int:
        """Of its constant arrays."""
        return sum(array.values.nbytes for array in self.call.arrays)


def rank_candidates(declared: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Give a step's candidates their ranks: the declared order, but one rank for all that have cycles.

    Those decide among themselves by cycles. One without cycles goes before them if it is declared before all
    of them, otherwise behind: it gains nothing by not having been measured.

    Args:
        declared: in the declared order.
    """
    first = next((index for index, one in enumerate(declared) if one.cycles is not None), len(declared))
    return tuple(
        dataclasses.replace(one, rank=index if one.cycles is None else first)
        for index, one in enumerate(declared)
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Total:
    """What a choice costs in all.

    Args:
        rank: the sum of the ranks: what is behind in the declared order where cycles do not decide.
        cycles: modelled, of the kernels that have cycles.
        constant_bytes: of all constant arrays.
        code_bytes: of the kernels, every file once; None where that was not measured.
        code_bound: the same for limits, with a guess that is high for what was not measured.
        are_cycles_known: whether all steps with a choice have cycles.
    """

    rank: int
    cycles: int
    constant_bytes: int
    code_bytes: int | None
    code_bound: int
    are_cycles_known: bool

    @property
    def flash_bytes(self) -> int:
        """Constants and code, for limits."""
        return self.constant_bytes + self.code_bound


Choice: TypeAlias = tuple[int, ...]  # per step the index of a candidate
Candidates: TypeAlias = Sequence[Sequence[Candidate]]
Key: TypeAlias = Callable[[Total], tuple[int, ...]]


@dataclasses.dataclass(frozen=True, slots=True)
class Compiled:
    """What the code of kernels takes: on which core, compiled how.

    Args:
        costs: of the core.
        optimize: how the code will be compiled.
    """

    costs: CoreCosts
    optimize: Optimize

    def files(self, kernels: Iterable[str]) -> set[str]:
        """The files of some kernels."""
        return {file for kernel in kernels for file in self.costs.kernel_files(kernel)}


def total(candidates: Candidates, choice: Choice, compiled: Compiled) -> Total:
    """Add up what a choice costs."""
    chosen = [each[index] for each, index in zip(candidates, choice, strict=True)]
    is_known = any(one.cycles is not None for one in chosen) and all(
        one.cycles is not None for one, each in zip(chosen, candidates, strict=True) if len(each) > 1
    )
    files = compiled.files(one.call.kernel for one in chosen)
    return Total(
        sum(one.rank for one in chosen),
        sum(one.cycles or 0 for one in chosen),
        sum(one.constant_bytes for one in chosen),
        compiled.costs.code_bytes(files, compiled.optimize),
        compiled.costs.code_bound(files, compiled.optimize),
        is_known,
    )


def choose(candidates: Candidates, compiled: Compiled, key: Key, *, is_fastest_best: bool) -> Choice:
    """The choice with the smallest key that single and joint changes find from several starts.

    Args:
        candidates: per step at least one, those to prefer first.
        compiled: what the code takes.
        key: what to minimize; the first number is what is exceeded of limits.
        is_fastest_best: whether the key's next numbers are those of `Total.rank` and `Total.cycles`.
    """
    by_cycles = tuple(
        _least(each, lambda one: (one.rank, one.cycles or 0, one.constant_bytes)) for each in candidates
    )
    if is_fastest_best and key(total(candidates, by_cycles, compiled))[0] == 0:
        return by_cycles  # the fewest cycles of all choices, and within the limits
    starts = (
        by_cycles,
        tuple(
            _least(each, lambda one: (one.constant_bytes, one.rank, one.cycles or 0)) for each in candidates
        ),
        tuple(len(each) - 1 for each in candidates),
    )
    found = [_improve(candidates, start, compiled, key) for start in starts]
    return min(found, key=lambda choice: (key(total(candidates, choice, compiled)), choice))


def _least(each: Sequence[Candidate], key: Callable[[Candidate], tuple[int, ...]]) -> int:
    return min(range(len(each)), key=lambda index: (*key(each[index]), index))


def _improve(candidates: Candidates, choice: Choice, compiled: Compiled, key: Key) -> Choice:
    """Make the best change as long as one is an improvement."""
    best = key(total(candidates, choice, compiled))
    while True:
        changed = [(key(total(candidates, c, compiled)), c) for c in _changes(candidates, choice)]
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

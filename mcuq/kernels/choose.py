"""Choose one candidate per step for a whole network: code counts once per file, so steps depend on others."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from mcuq.ir.program import Optimize
from mcuq.kernels.candidates import Candidate, Candidates, Choice
from mcuq.kernels.costs import CodeSizes
from mcuq.options import SIZE_RATE

# The most code of kernels, but for `speed`.
MAX_CODE_BYTES = 24_000


@dataclasses.dataclass(frozen=True, slots=True)
class Total:
    """What a choice costs in all.

    Args:
        rank: the sum of the ranks: what is behind in the declared order where time does not decide.
        time: modelled, of the kernels that were measured; None where one of a step with a choice was not.
        known_time: the same without those that were not measured.
        time_bound: the same to compare choices by, with a guess that is high for what was not measured.
        constant_bytes: of all constant arrays.
        code_bytes: of the kernels, every file once; None where that was not measured.
        code_bound: the same for limits, with a guess that is high for what was not measured.
    """

    rank: int
    time: int | None
    known_time: int
    time_bound: int
    constant_bytes: int
    code_bytes: int | None
    code_bound: int

    @property
    def flash_bound(self) -> int:
        """Constants and code, for limits."""
        return self.constant_bytes + self.code_bound


Steps: TypeAlias = Sequence[Sequence[Candidate]]
Objective: TypeAlias = Callable[[Total], tuple[int, ...]]  # the smallest is best
Swap: TypeAlias = Mapping[int, int]  # other candidates, by step


def total(steps: Steps, choice: Choice, code: CodeSizes) -> Total:
    """Add up what a choice costs.

    Args:
        steps: the candidates of each.
        choice: one of each.
        code: bytes of files.
    """
    return _Tally(steps, choice, code).total({})


def choose_kernels(
    found: Candidates, optimize: Optimize, flash_bytes: int | None = None, scratch_limit: int | None = None
) -> Choice:
    """The best choice.

    Args:
        found: the candidates.
        optimize: what for.
        flash_bytes: the target's flash, None without a limit.
        scratch_limit: bytes of scratch that no step exceeds if it has a candidate that does not.
    """
    kept = [_within(each, scratch_limit) for each in found.steps]
    few = [[each[index] for index in numbers] for each, numbers in zip(found.steps, kept, strict=True)]
    code = found.costs.code_sizes(optimize)
    aim = _Aim(optimize, flash_bytes, found.constants_limit)
    choice = search(few, code, aim.fastest, is_fastest_best=True)
    if optimize is Optimize.SIZE:
        choice = search(few, code, aim.smallest(total(few, choice, code)), is_fastest_best=False)
    return tuple(numbers[index] for numbers, index in zip(kept, choice, strict=True))


def _within(each: Sequence[Candidate], limit: int | None) -> list[int]:
    """Which candidates keep to a limit of scratch, or else those with the least."""
    least = min(one.call.scratch_bytes for one in each)
    bound = max(least, limit) if limit is not None else max(one.call.scratch_bytes for one in each)
    return [index for index, one in enumerate(each) if one.call.scratch_bytes <= bound]


@dataclasses.dataclass(frozen=True, slots=True)
class _Aim:
    """What is best: keys of choices, the smallest wins; the first number is what exceeds limits."""

    optimize: Optimize
    flash_bytes: int | None
    constants_limit: int

    def fastest(self, cost: Total) -> tuple[int, ...]:
        """Least time within the limits."""
        excess = 0 if self.flash_bytes is None else max(cost.flash_bound - self.flash_bytes, 0)
        if self.optimize is not Optimize.SPEED:
            excess += max(cost.code_bound - MAX_CODE_BYTES, 0)
            excess += max(cost.constant_bytes - self.constants_limit, 0)
        return excess, cost.rank, cost.time_bound, cost.flash_bound

    def smallest(self, fastest: Total) -> Objective:
        """Percents of time, and percents of flash at their rate, in a common unit."""

        def key(cost: Total) -> tuple[int, ...]:
            excess, rank, *_ = self.fastest(cost)
            price = cost.time_bound * fastest.flash_bound
            price += SIZE_RATE * cost.flash_bound * fastest.time_bound
            return excess, rank, price, cost.flash_bound

        return key


class _Tally:
    """Sums over a choice, kept so that a changed choice costs what its change costs."""

    def __init__(self, steps: Steps, choice: Choice, code: CodeSizes) -> None:
        self._steps = steps
        self._choice = choice
        self._code = code
        self._sums = [[_summands(one, len(each) > 1) for one in each] for each in steps]
        self._files = collections.Counter[str]()
        chosen = [sums[index] for sums, index in zip(self._sums, choice, strict=True)]
        self._total = [sum(column) for column in zip(*chosen, strict=True)] or [0] * 6
        for each, index in zip(steps, choice, strict=True):
            self._files.update(each[index].files)

    def total(self, change: Swap) -> Total:
        """With other candidates for some steps."""
        sums, moved = list(self._total), collections.Counter[str]()
        for step, index in change.items():
            before = self._choice[step]
            for column, (old, new) in enumerate(
                zip(self._sums[step][before], self._sums[step][index], strict=True)
            ):
                sums[column] += new - old
            moved.subtract(self._steps[step][before].files)
            moved.update(self._steps[step][index].files)
        files = {file for file, count in self._files.items() if count + moved.get(file, 0) > 0}
        files |= {file for file, count in moved.items() if count > 0}
        rank, time, bound, constants, measured, unknown = sums
        known = time if measured and not unknown else None
        return Total(rank, known, time, bound, constants, self._code.known(files), self._code.bound(files))


def _summands(one: Candidate, has_others: bool) -> tuple[int, ...]:
    """What a candidate adds to the sums; the last two count those measured, and those that should be."""
    is_known = one.time is not None
    figures = (one.rank, one.time or 0, one.time_bound, one.constant_bytes)
    return (*figures, int(is_known), int(has_others and not is_known))


def search(steps: Steps, code: CodeSizes, key: Objective, *, is_fastest_best: bool) -> Choice:
    """The choice with the smallest key that single and joint changes find from several starts.

    Args:
        steps: per step at least one candidate, those to prefer first.
        code: bytes of files.
        key: what to minimize; the first number is what is exceeded of limits.
        is_fastest_best: whether the key's next numbers are those of `Total.rank` and `Total.time_bound`.
    """
    by_time = tuple(
        _least(each, lambda one: (one.rank, one.time_bound, one.constant_bytes)) for each in steps
    )
    if is_fastest_best and key(total(steps, by_time, code))[0] == 0:
        return by_time  # the least time of all choices, and within the limits
    starts = (
        by_time,
        tuple(_least(each, lambda one: (one.constant_bytes, one.rank, one.time_bound)) for each in steps),
        tuple(len(each) - 1 for each in steps),
    )
    found = [_improve(steps, start, code, key) for start in starts]
    return min(found, key=lambda choice: (key(total(steps, choice, code)), choice))


def _least(each: Sequence[Candidate], key: Callable[[Candidate], tuple[int, ...]]) -> int:
    return min(range(len(each)), key=lambda index: (*key(each[index]), index))


def _improve(steps: Steps, choice: Choice, code: CodeSizes, key: Objective) -> Choice:
    """Make the best change as long as one is an improvement."""
    tally = _Tally(steps, choice, code)
    best = key(tally.total({}))
    while True:
        changed = [(key(tally.total(change)), change) for change in _changes(steps, choice)]
        least = min((found for found, _ in changed), default=best)
        if least >= best:
            return choice
        best = least
        choice = min(_changed(choice, change) for found, change in changed if found == least)
        tally = _Tally(steps, choice, code)


def _changed(choice: Choice, change: Swap) -> Choice:
    return tuple(change.get(step, index) for step, index in enumerate(choice))


def _changes(steps: Steps, choice: Choice) -> Iterator[Swap]:
    """One step otherwise; all steps of one kernel otherwise; all steps that can with one kernel."""
    for step, each in enumerate(steps):
        yield from ({step: index} for index in range(len(each)) if index != choice[step])
    kernels = [[one.call.kernel for one in each] for each in steps]
    several = {name for names in kernels if len(names) > 1 for name in names}
    for name in sorted(several):
        able = [
            (step, names.index(name), names[choice[step]])
            for step, names in enumerate(kernels)
            if name in names and names[choice[step]] != name
        ]
        for gone in (None, *sorted({now for _, _, now in able})) if able else ():
            yield {step: index for step, index, now in able if gone in (None, now)}

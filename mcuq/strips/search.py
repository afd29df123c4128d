"""Which layers to compute in strips, and of how many rows: the smallest arena, then the fewest cycles."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from mcuq.ir.program import Program
from mcuq.strips.estimate import Estimates, PeakAndTime
from mcuq.strips.rewrite import Cut
from mcuq.strips.times import StripCosts

# Steps of a block at most.
MAX_BLOCK = 40
# Rows that are computed at a time.
ROWS = (1, 2, 4, 8)
TRIED_ROWS = (1, 2, 3, 4, 6, 8, 12, 16)
# An arena may be so many percent above the smallest that was found, for fewer cycles.
SLACK = 10
IMPROVEMENTS = 3


@dataclasses.dataclass(frozen=True, slots=True)
class _Choice:
    """The best way found to compute the first steps."""

    cost: PeakAndTime
    cuts: tuple[Cut, ...]


def find_cuts(program: Program, costs: StripCosts, max_recompute: float) -> tuple[Cut, ...]:
    """Blocks to compute in strips; none where that makes no smaller arena.

    Args:
        program: without strips, its steps in the order of execution.
        costs: of its kernels.
        max_recompute: multiply-accumulates at most, as a multiple of the program's.
    """
    estimates = Estimates(program, costs)
    search = _Search(estimates)
    budget = int((max_recompute - 1) * estimates.macs())
    first = search.best(None)
    reduced = search.improve_all(first.cuts, 0, budget)
    peaks = [estimates.cut(cut).peak for cut in reduced]
    inside = {number for cut in reduced for number in range(cut.first, cut.last)}
    peaks += [estimates.whole(number).peak for number in range(estimates.steps) if number not in inside]
    limit = max(peaks, default=0) * (100 + SLACK) // 100
    return search.improve_all(search.best(limit).cuts, limit, budget)


class _Search:
    """Looks at all blocks of steps that follow each other."""

    def __init__(self, estimates: Estimates) -> None:
        self._estimates = estimates

    def best(self, limit: int | None) -> _Choice:
        """The smallest peak, or within a limit the least time."""
        best = [_Choice(PeakAndTime(0, 0), ())]
        for last in range(1, self._estimates.steps + 1):
            whole = self._estimates.whole(last - 1)
            found = _joined(best[last - 1], whole, None)
            for bound, first in sorted(self._firsts(last, best)):
                if bound >= (found.cost.peak if limit is None else max(limit, found.cost.peak) + 1):
                    break
                for cut in self._cuts(first, last, limit):
                    other = _joined(best[first], self._estimates.cut(cut), cut)
                    found = min(found, other, key=lambda each: _key(each.cost, limit))
            best.append(found)
        return best[-1]

    def _firsts(self, last: int, best: Sequence[_Choice]) -> Iterator[tuple[int, int]]:
        """Where blocks that end with a step may begin, with what the peak is then at least."""
        for first in range(last - 1, max(last - 1 - MAX_BLOCK, -1), -1):
            if self._estimates.block(first, first + 1) is None and first < last - 1:
                return
            if self._estimates.block(first, last) is not None:
                yield max(best[first].cost.peak, self._estimates.alive(first, last)), first

    def _cuts(self, first: int, last: int, limit: int | None) -> Iterator[Cut]:
        """A block with ever more rows, as long as that keeps to the limit; the fewest take the least."""
        for rows in ROWS if limit is not None else ROWS[:1]:
            cut = self._estimates.make_cut(first, last, rows)
            yield cut
            if limit is not None and self._estimates.cut(cut).peak > limit:
                return

    def improve_all(self, cuts: Sequence[Cut], limit: int, budget: int) -> tuple[Cut, ...]:
        """Improve blocks, of which the first ones take what they need of a budget of computing rows again."""
        found = []
        for cut in cuts:
            found.append(self.improve(cut, limit, budget))
            budget -= self._estimates.cut(found[-1]).again
        return tuple(found)

    def improve(self, cut: Cut, limit: int, budget: int) -> Cut:
        """Change how many rows of one or two layers are computed at a time, or keep none of a layer."""
        for _ in range(IMPROVEMENTS):
            before = cut
            for at in range(len(cut.quanta)):
                tried = [cut, *self._changed(cut, at)]
                tried = [each for each in tried if self._estimates.cut(each).again <= budget]
                cut = min(tried, key=lambda each: _key(self._estimates.cut(each), limit))
            if cut == before:
                break
        return cut

    def _changed(self, cut: Cut, at: int) -> Iterator[Cut]:
        for rows, count in ((rows, count) for rows in TRIED_ROWS for count in (1, 2)):
            quanta = list(cut.quanta)
            for place in range(at, min(at + count, len(quanta))):
                quanta[place] = min(rows, self._estimates.rows(cut.first + place, cut))
            yield dataclasses.replace(cut, quanta=tuple(quanta))
        if cut.first + at in self._estimates.repeatable(cut):
            yield dataclasses.replace(cut, again=cut.again ^ {cut.first + at})


def _joined(before: _Choice, cost: PeakAndTime, cut: Cut | None) -> _Choice:
    both = PeakAndTime(max(before.cost.peak, cost.peak), before.cost.time + cost.time)
    return _Choice(both, before.cuts if cut is None else (*before.cuts, cut))


def _key(cost: PeakAndTime, limit: int | None) -> tuple[int, int]:
    """The smallest peak first, or within a limit the least time."""
    return (cost.peak if limit is None else max(cost.peak - limit, 0), cost.time)

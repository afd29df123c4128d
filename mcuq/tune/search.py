"""The search: each move alone, combinations by what these promise, then neighbours of the best."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from mcuq.ir.types import Float64
from mcuq.tune.figures import Figures, beats, front
from mcuq.tune.moves import Move, MoveSet, candidate_key, combine

# What came of each of some candidates, None of those that were refused; raises `Exhausted`.
Ask: TypeAlias = Callable[[Sequence[MoveSet]], Sequence[Figures | None]]

# Evaluated together; a constant, so that what is tried does not depend on how many processes there are.
BATCH = 16
# At most these shares of all evaluations go to single moves, and to combinations that these promise.
_SINGLE_SHARE, _COMBINED_SHARE = 0.5, 0.75
# Prices of a percent of flash, cycles and RAM in percent of the noise, by which combinations are drawn.
_PRICES = tuple(float(price) for price in np.logspace(-2.5, 2.5, 21))
# Which of flash, RAM and cycles are paid for.
_BASKETS = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 1.0, 1.0))
# Of a batch of neighbours, those that are drawn by chance.
_BY_CHANCE = 4
# What a factor of e in noise, 4.3 dB, is worth beside a whole build's flash, RAM or cycles.
_NOISE_WORTH = 0.1
# Builds with so many times the noise are of use to nobody, and so are their neighbours.
_USELESS = 100.0


class Exhausted(Exception):
    """There is no time, or no evaluation, left."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Effect:
    """What a move does alone: differences of noise, and of flash, RAM and cycles."""

    noise: float
    costs: tuple[float, float, float]


# Below this, -120 dB, there is none.
_LEAST_NOISE = 1e-12
_NOTHING = _Effect(0.0, (0.0, 0.0, 0.0))


def _costs(figures: Figures) -> tuple[float, float, float]:
    return float(figures.flash_bytes or 0), float(figures.ram_bytes), float(figures.cycles or 0)


class Search:
    """Asks for candidates until nothing is left to ask, or there is no budget left.

    What it asks depends on the moves, the answers, the seed and the number of evaluations alone.

    Args:
        moves: all there are.
        base: the build without any.
        neutral: a move that does nothing but to exclude equalization, as every move of ranges does; None
            where there are no moves of ranges.
        ask: evaluates candidates.
        evaluations: how many there may be.
        seed: of what is left to chance.
        is_wanted: whether a build's costs keep to the limits; neighbours that do are tried first.
    """

    def __init__(
        self,
        moves: Sequence[Move],
        base: Figures,
        neutral: Move | None,
        ask: Ask,
        evaluations: int,
        seed: int,
        is_wanted: Callable[[Figures], bool] = lambda _: True,
    ) -> None:
        self.found: dict[MoveSet, Figures] = {(): base}
        self._moves, self._base, self._neutral, self._ask = moves, base, neutral, ask
        self._evaluations, self._is_wanted = evaluations, is_wanted
        self._bits = np.random.PCG64(seed)
        self._asked: set[str] = {candidate_key(())}
        self._effects: dict[Move, _Effect] = {}
        # By setting, what the first move of it does besides: it brings kernels, or excludes equalization.
        self._shared: dict[str, _Effect] = {}

    def run(self) -> None:
        """Search."""
        try:
            self._try(self._singles(), self._share(_SINGLE_SHARE))
            self._learn()
            self._try(self._combinations(), self._share(_COMBINED_SHARE))
            while self._try(self._neighbours(), self._evaluations, one_batch=True):
                pass
        except Exhausted:
            pass

    def _share(self, share: float) -> int:
        return int(self._evaluations * share)

    def _try(self, candidates: Iterable[MoveSet], limit: int, one_batch: bool = False) -> bool:
        """Evaluate candidates that are new, up to a number of all evaluations; whether there were any."""
        new = {candidate_key(each): each for each in candidates}
        wanted = [each for key, each in new.items() if key not in self._asked]
        wanted = wanted[: max(limit - (len(self._asked) - 1), 0)]
        if one_batch:
            wanted = wanted[:BATCH]
        for start in range(0, len(wanted), BATCH):
            batch = wanted[start : start + BATCH]
            answers = self._ask(batch)
            for candidate, figures in zip(batch, answers, strict=True):
                self._asked.add(candidate_key(candidate))
                if figures is not None:
                    self.found[candidate] = figures
        return bool(wanted)

    def _singles(self) -> Iterator[MoveSet]:
        """Each move alone, and before these what shows what the first of a setting does besides."""
        if self._neutral is not None and any(move.ranges for move in self._moves):
            yield (self._neutral,)
        yield from self._together().values()
        yield from ((move,) for move in self._moves)

    def _together(self) -> dict[str, MoveSet]:
        """All moves of a setting that is no method of ranging, where there are several."""
        settings = dict.fromkeys(move.setting for move in self._moves if not move.ranges)
        found = {each: tuple(m for m in self._moves if m.setting == each) for each in settings}
        return {setting: moves for setting, moves in found.items() if len(moves) > 1}

    def _learn(self) -> None:
        """What each move does alone, of those that were tried and do anything."""
        base = self._base
        neutral = None if self._neutral is None else self.found.get((self._neutral,))
        for move in self._moves:
            figures = self.found.get((move,))
            before = neutral if move.ranges and neutral is not None else base
            effect = _NOTHING if figures is None else _difference(figures, before)
            if effect != _NOTHING:
                self._effects[move] = effect
        if neutral is not None:
            self._shared["method"] = _difference(neutral, base)
        for setting, moves in self._together().items():
            figures = self.found.get(moves)
            useful = tuple(move for move in moves if move in self._effects)
            if figures is not None and len(useful) > 1 and all((move,) in self.found for move in moves):
                self._share_costs(setting, useful, _difference(figures, base))

    def _share_costs(self, setting: str, moves: MoveSet, together: _Effect) -> None:
        """Split costs of moves into what the first of them brings, and what each of them adds.

        If each alone costs `c + c_i`, and n of them together `c + sum(c_i)`, then the sum of the former less
        the latter is n - 1 times `c`.
        """
        alone = np.array([self._effects[move].costs for move in moves])
        first = (alone.sum(axis=0) - np.array(together.costs)) / (len(moves) - 1)
        self._shared[setting] = _Effect(0.0, _three(first))
        for move, costs in zip(moves, alone - first, strict=True):
            self._effects[move] = _Effect(self._effects[move].noise, _three(costs))

    def _combinations(self) -> Iterator[MoveSet]:
        """For prices of flash, RAM and cycles in noise, all moves that are worth theirs.

        If effects add up each is the best for its price, and together they are the convex front.
        """
        # Prices from the middle outwards, over all baskets, since the budget may end early.
        middle = len(_PRICES) // 2
        for index in sorted(range(len(_PRICES)), key=lambda each: (abs(each - middle), each)):
            for basket in _BASKETS:
                yield from self._cheapest(_PRICES[index], basket)

    def _cheapest(self, price: float, basket: tuple[float, float, float]) -> Iterator[MoveSet]:
        """Of each variable the move of the least noise and price, or none.

        Only of settings whose moves make up for what the first of them brings, and once without ranges.
        """
        best: dict[tuple[str, tuple[str, ...]], tuple[float, Move]] = {}
        for move, effect in self._effects.items():
            worth = self._relative(effect, price, basket)
            if worth < best.get(move.variable, (0.0, move))[0]:
                best[move.variable] = (worth, move)
        worth_of = {setting: self._relative(each, price, basket) for setting, each in self._shared.items()}
        for worth, move in best.values():
            worth_of[move.setting] = worth_of.get(move.setting, 0.0) + worth
        paying = {setting for setting, worth in worth_of.items() if worth < 0}
        chosen = [move for _, move in best.values() if move.setting in paying]
        yield combine(self._moves, (move for move in chosen if not move.ranges))
        yield combine(self._moves, chosen)

    def _relative(self, effect: _Effect, price: float, basket: tuple[float, float, float]) -> float:
        base = _costs(self._base)
        paid = sum(
            part * cost / whole for part, cost, whole in zip(basket, effect.costs, base, strict=True) if whole
        )
        return effect.noise / max(self._base.noise, _LEAST_NOISE) + price * paid

    def _neighbours(self) -> list[MoveSet]:
        """One move more, less or otherwise than in builds of the front, the most promising first."""
        candidates = list(self.found)
        known = [self.found[each] for each in candidates]
        kept = [i for i in front(known) if known[i].noise <= _USELESS * self._base.noise]
        best = [known[index] for index in kept]
        promised: dict[MoveSet, tuple[bool, float]] = {}
        for index in kept:
            for candidate, guess in self._flips(candidates[index], known[index]):
                if candidate_key(candidate) not in self._asked:
                    worth = self._is_wanted(guess), _gain(guess, best, _costs(self._base))
                    promised[candidate] = max(worth, promised.get(candidate, worth))
        ranked = sorted(promised, key=lambda each: (*(-part for part in promised[each]), candidate_key(each)))
        first, rest = ranked[: BATCH - _BY_CHANCE], ranked[BATCH - _BY_CHANCE :]
        order = np.argsort(self._bits.random_raw(len(rest)), kind="stable") if rest else ()
        return [*first, *(rest[int(index)] for index in order)]

    def _flips(self, candidate: MoveSet, figures: Figures) -> Iterator[tuple[MoveSet, Figures]]:
        """Neighbours, with noise and costs as effects promise them."""
        start = np.array([figures.noise, *_costs(figures)]) - self._promised(candidate)
        for move in self._effects:
            rest = tuple(each for each in candidate if each != move)
            other = rest if move in candidate else combine(self._moves, (*candidate, move))
            noise, flash, ram, cycles = (start + self._promised(other)).tolist()
            yield (
                other,
                dataclasses.replace(
                    figures,
                    noise=max(noise, _LEAST_NOISE),
                    flash_bytes=None if figures.flash_bytes is None else round(flash),
                    ram_bytes=round(ram),
                    cycles=None if figures.cycles is None else round(cycles),
                ),
            )

    def _promised(self, candidate: MoveSet) -> Float64:
        """The sum of its moves' effects on noise, flash, RAM and cycles."""
        effects = [self._effects[move] for move in candidate if move in self._effects]
        settings = {move.setting for move in candidate}
        effects += [each for setting, each in self._shared.items() if setting in settings]
        rows = np.array([[each.noise, *each.costs] for each in effects], np.float64).reshape(-1, 4)
        return np.asarray(rows.sum(axis=0))


def _difference(after: Figures, before: Figures) -> _Effect:
    return _Effect(after.noise - before.noise, _three(np.array(_costs(after)) - np.array(_costs(before))))


def _three(costs: Float64) -> tuple[float, float, float]:
    flash, ram, cycles = costs.tolist()
    return flash, ram, cycles


def _gain(guess: Figures, best: Sequence[Figures], whole: tuple[float, float, float]) -> float:
    """By how much a promised build is beyond the front: its least advantage over any build of it.

    Costs count as shares of the build without moves, noise by its logarithm.
    """
    gains = []
    for each in best:
        quieter = float(np.log(max(each.noise, _LEAST_NOISE)) - np.log(guess.noise))
        shares = [
            (cost - promised) / total
            for cost, promised, total in zip(_costs(each), _costs(guess), whole, strict=True)
            if total
        ]
        gains.append(max(_NOISE_WORTH * quieter, *shares))
    return min(gains)


def thin_out(builds: Sequence[Figures], most: int) -> list[int]:
    """Indices of so many builds of the front that are furthest from each other, those at its ends first.

    Args:
        builds: all there are; the first is kept.
        most: how many at most.
    """
    kept = front(builds)
    points = np.array([_place(each, builds[0]) for each in builds])
    chosen = [0]
    ends = [min(kept, key=lambda index: (points[index][axis], index)) for axis in range(points.shape[1])]
    for index in ends:
        if index not in chosen and len(chosen) < most:
            chosen.append(index)
    while len(chosen) < most:
        rest = [index for index in kept if index not in chosen]
        if not rest:
            break
        away = {i: min(float(np.abs(points[i] - points[j]).sum()) for j in chosen) for i in rest}
        chosen.append(max(rest, key=lambda index: (away[index], -index)))
    return sorted(chosen)


def _place(figures: Figures, base: Figures) -> tuple[float, ...]:
    costs = [
        cost / whole if whole else 0.0 for cost, whole in zip(_costs(figures), _costs(base), strict=True)
    ]
    wrong = 0.0 if figures.agreement is None else 1 - figures.agreement
    return (*costs, 10 * wrong, float(np.log10(max(figures.noise, _LEAST_NOISE))) / 2)


def is_beaten(figures: Figures, others: Iterable[Figures]) -> bool:
    """Whether another build is at least as good in everything, and better in something."""
    return any(beats(other, figures) for other in others)

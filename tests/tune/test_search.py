"""The search on effects that are known: it finds the front, and asks the same whoever answers."""

import dataclasses

import numpy as np
import pytest

from mcuq.tune.figures import Figures, beats, front
from mcuq.tune.limits import BuildLimits
from mcuq.tune.moves import Move, candidate_key
from mcuq.tune.search import BATCH, Exhausted, Search, thin_out

BASE = Figures(100_000, 20_000, 1_000_000, 0.99, 1e-3, "base")
NEUTRAL = Move("method", "mse", ("t0",))


def _moves(count):
    rng = np.random.default_rng(5)
    moves, effects = [], {}
    for number in range(count):
        for setting, value in (("weight_bits", 4), ("method", "kl")):
            move = Move(setting, value, (f"t{number}",))
            moves.append(move)
            saved = int(rng.integers(1_000, 9_000)) if setting == "weight_bits" else 0
            effects[move] = (saved, float(rng.uniform(-1e-4, 3e-4)))
    return moves, effects


def _figures(candidate, effects, lost):
    """Figures of moves whose effects add up; those of ranges lose equalization."""
    saved = sum(effects[move][0] for move in candidate if move != NEUTRAL)
    noise = BASE.noise + sum(effects[move][1] for move in candidate if move != NEUTRAL)
    noise += lost * any(move.ranges for move in candidate)
    return dataclasses.replace(
        BASE,
        flash_bytes=BASE.flash_bytes - saved,
        noise=max(noise, 1e-9),
        program_sha256=candidate_key(candidate),
    )


def _run(seed=0, evaluations=200, most=None, refused=(), lost=0.0, **more):
    moves, effects = _moves(8)
    asked = []

    def ask(batch):
        if most is not None and len(asked) + len(batch) > most:
            raise Exhausted
        asked.extend(batch)
        return [
            None if any(move in refused for move in each) else _figures(each, effects, lost) for each in batch
        ]

    search = Search(moves, BASE, NEUTRAL, ask, evaluations, seed, **more)
    search.run()
    return search, asked, effects, moves


def test_search_is_the_same_for_a_seed_and_keeps_its_budget():
    first, second, other = _run(1), _run(1), _run(2)
    assert first[1] == second[1]
    assert first[1] != other[1]
    assert len(first[1]) <= 200
    assert len({candidate_key(each) for each in first[1]}) == len(first[1])


def test_search_that_is_stopped_asked_a_prefix():
    whole, stopped = _run()[1], _run(most=50)[1]
    assert 0 < len(stopped) <= 50
    assert whole[: len(stopped)] == stopped


@pytest.mark.parametrize("evaluations", [0, 1, BATCH, 37])
def test_search_asks_at_most_what_it_may(evaluations):
    assert len(_run(evaluations=evaluations)[1]) <= evaluations


def test_search_finds_the_ends_and_the_convex_front():
    search, _, effects, moves = _run()
    found = list(search.found.values())
    everything = [move for move in moves if move.setting == "weight_bits"]
    smallest = BASE.flash_bytes - sum(effects[move][0] for move in everything)
    assert smallest == min(each.flash_bytes for each in found)
    quietest = BASE.noise + sum(min(effects[move][1], 0.0) for move in moves)
    assert quietest == pytest.approx(min(each.noise for each in found))


@pytest.mark.parametrize("lost", [0.0, 1e-3])
def test_search_counts_what_ranges_lose_once(lost):
    search, asked, effects, moves = _run(lost=lost)
    assert asked[0] == (NEUTRAL,)
    assert len(asked[1]) == 8 and {move.setting for move in asked[1]} == {"weight_bits"}
    gains = {move: min(effects[move][1], 0.0) for move in moves}
    without = sum(gain for move, gain in gains.items() if not move.ranges)
    with_ranges = sum(gains.values()) + lost
    best = min(search.found.values(), key=lambda each: each.noise)
    assert best.noise == pytest.approx(BASE.noise + min(without, with_ranges))


def test_search_knows_what_the_first_of_a_setting_brings():
    """Kernels of 20,000 bytes that no move pays for alone, and all together do."""
    moves, effects = _moves(8)
    code = 20_000

    def ask(batch):
        found = [_figures(each, effects, 0.0) for each in batch]
        return [
            dataclasses.replace(
                figures, flash_bytes=figures.flash_bytes + code * any(not m.ranges for m in each)
            )
            for each, figures in zip(batch, found, strict=True)
        ]

    search = Search(moves, BASE, NEUTRAL, ask, 60, 0)
    search.run()
    saved = sum(effects[move][0] for move in moves)
    assert saved > code > max(effects[move][0] for move in moves)
    assert BASE.flash_bytes + code - saved == min(each.flash_bytes for each in search.found.values())
    single = moves[0]
    assert search.found[(single,)].flash_bytes > BASE.flash_bytes
    cheap = [each for each, figures in search.found.items() if figures.flash_bytes < BASE.flash_bytes]
    assert len({candidate_key(each) for each in cheap}) > 10


def test_search_tries_neighbours_within_limits_first():
    def share(**more):
        # Behind single moves and combinations.
        found = list(_run(**more)[0].found.values())[60:85]
        return sum(each.flash_bytes <= 70_000 for each in found) / len(found)

    assert share(is_wanted=lambda each: each.flash_bytes <= 70_000) > 0.8 > share()


def test_search_leaves_refused_moves_out():
    moves, _ = _moves(8)
    search, asked, _, _ = _run(refused=(moves[0],))
    assert (moves[0],) in asked
    # All moves of the setting together were asked for before that was known.
    assert all(moves[0] not in each for each in asked[2:] if len(each) > 1)
    assert all(moves[0] not in each for each in search.found)


def test_front_holds_what_nothing_beats_and_one_of_equals():
    better = dataclasses.replace(BASE, noise=1e-4)
    other = dataclasses.replace(BASE, flash_bytes=90_000, noise=2e-3)
    builds = [BASE, better, better, other]
    assert beats(better, BASE) and not beats(better, better)
    assert front(builds) == [1, 3]
    assert thin_out(builds, 2) == [0, 3]


def test_limits_choose_by_their_aim_or_the_nearest():
    small = dataclasses.replace(BASE, flash_bytes=50_000, agreement=0.9)
    builds = [BASE, small]
    assert BuildLimits().best(builds) == 0
    assert BuildLimits(aim="flash").best(builds) == 1
    assert BuildLimits(flash_bytes=60_000).best(builds) == 1
    assert BuildLimits(agreement=0.95, aim="flash").best(builds) == 0
    tight = BuildLimits(flash_bytes=40_000, agreement=0.95)
    assert [tight.excess(each) for each in builds] == pytest.approx([1.5, 0.25])
    assert tight.best(builds) == 1
    assert tight.text() == "flash at most 40,000 B, agreement at least 95.00%"

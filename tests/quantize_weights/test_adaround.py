"""AdaRound against its own formulas and against what it must not do."""

import dataclasses

import numpy as np
import pytest

from mcuq.quantize.rounding import adaround as module
from mcuq.quantize.rounding.adaround import RoundingTask, Schedule, adaround
from mcuq.quantize.rounding.second_order import loss, nearest
from tests.quantize_weights.problems import inputs, second_moment

QUICK = Schedule(steps=300, batch=64)


def _task(seed=0, groups=1, size=20, outputs=4, lo=-np.inf, hi=np.inf):
    rng = np.random.default_rng(seed)
    limits = (np.full((groups, outputs), limit) for limit in (lo, hi))
    rows = inputs(rng, groups, 200, size)
    return RoundingTask(
        rng.uniform(-6.9, 6.9, (groups, size, outputs)), rows, rng.normal(size=(groups, outputs)), *limits, 7
    )


@pytest.mark.parametrize("shape", [(1, 20, 4), (3, 9, 1), (1, 1, 2)])
def test_adaround_goes_to_a_neighbour_and_loses_less_than_nearest(shape):
    task = _task(0, *shape)
    codes = adaround(task, QUICK)
    assert (np.abs(codes - task.target) < 1).all()
    moments = second_moment(task.rows)
    found, before = (loss(c, task.target, moments).sum() for c in (codes, nearest(task.target, 7)))
    assert found <= before * (1 + 1e-9)
    if shape[1] > 1:
        assert found < before / 1.2


def test_adaround_is_deterministic():
    np.testing.assert_array_equal(adaround(_task(), QUICK), adaround(_task(), QUICK))


def test_adaround_gradient_is_that_of_its_loss():
    task = _task(1, groups=2, size=5, outputs=3, lo=-40.0, hi=60.0)
    picked = np.arange(50)
    unit = np.full((2, 1, 1), 0.1)
    codes = np.random.default_rng(2).uniform(-5, 5, task.target.shape)

    def error(codes):
        lo, hi = task.lo[:, None], task.hi[:, None]
        found, wanted = (
            np.clip(task.rows[:, picked] @ each + task.bias[:, None], lo, hi) for each in (codes, task.target)
        )
        return 0.01 * ((found - wanted) ** 2).sum() / len(picked)

    gradient = module._error_gradient(task, codes, picked, unit)
    for index in [(0, 1, 2), (1, 4, 0), (0, 0, 0)]:
        step = np.zeros_like(codes)
        step[index] = 1e-6
        slope = (error(codes + step) - error(codes - step)) / 2e-6
        assert gradient[index] == pytest.approx(slope, rel=1e-4)


def test_adaround_pull_and_softening_have_their_derivatives():
    v = np.linspace(-4, 4, 81)
    soft, slope = module._soften(v)
    inside = (soft > 0.001) & (soft < 0.999)
    numeric = (module._soften(v + 1e-6)[0] - module._soften(v - 1e-6)[0]) / 2e-6
    np.testing.assert_allclose(slope[inside], numeric[inside], rtol=1e-6)
    h = np.array([0.1, 0.3, 0.7, 0.95])
    pulled = (-(np.abs(2 * (h + 1e-7) - 1) ** 3) + np.abs(2 * (h - 1e-7) - 1) ** 3) / 2e-7
    np.testing.assert_allclose(module._pull_gradient(h, 3.0), pulled, rtol=1e-5)


def test_adaround_of_what_never_shows_rounds_to_nearest():
    silent = dataclasses.replace(_task(), rows=np.zeros((1, 200, 20)))
    np.testing.assert_array_equal(nearest(silent.target, 7), adaround(silent, QUICK))
    clipped = dataclasses.replace(_task(), hi=np.full((1, 4), -1e9))
    np.testing.assert_array_equal(nearest(clipped.target, 7), adaround(clipped, QUICK))


def test_adaround_respects_the_largest_code():
    task = dataclasses.replace(_task(), target=np.full((1, 20, 4), 6.7))
    assert np.abs(adaround(dataclasses.replace(task, qmax=6), QUICK)).max() <= 6

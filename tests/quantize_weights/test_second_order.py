"""Second-order rounding and coordinate descent against hand computation and against trying all codes."""

import numpy as np
import pytest

from mcuq.quantize.rounding.second_order import damped, descend, gptq, loss, nearest
from tests.quantize_weights.problems import best_loss, inputs, second_moment

SHAPES = [(1, 1, 1), (1, 1, 7), (1, 9, 4), (6, 9, 1), (3, 5, 2), (1, 70, 6), (1, 130, 3)]


def _case(shape, qmax, seed=0, rank=None):
    rng = np.random.default_rng(seed)
    groups, size, outputs = shape
    moments = second_moment(inputs(rng, groups, 3 * size, size, rank))
    return rng.uniform(-1.1 * qmax, 1.1 * qmax, (groups, size, outputs)), moments


@pytest.mark.parametrize("qmax", [7, 127])
@pytest.mark.parametrize("shape", SHAPES)
def test_gptq_is_not_worse_than_nearest_on_its_own_loss(shape, qmax):
    target, moments = _case(shape, qmax)
    codes = gptq(target, moments, qmax)
    weighed = damped(moments)
    assert np.abs(codes).max() <= qmax
    assert (codes == np.rint(codes)).all()
    # On the whole: single outputs may lose, as any greedy choice may.
    found, before = (loss(c, target, weighed) for c in (codes, nearest(target, qmax)))
    assert found.sum() <= before.sum() * (1 + 1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_gptq_then_descend_is_not_worse_than_nearest_for_every_output(shape):
    target, moments = _case(shape, 7)
    start = nearest(target, 7)
    polished = descend(start, target, moments, 7)
    assert (loss(polished, target, moments) <= loss(start, target, moments) * (1 + 1e-12)).all()


def test_gptq_equals_the_textbook_update():
    target, moments = _case((1, 20, 3), 7)
    weighed = damped(moments)[0]
    order = np.argsort(-np.diag(moments[0]), kind="stable")
    u = np.linalg.cholesky(np.linalg.inv(weighed[np.ix_(order, order)])).T
    w = target[0][order].T.copy()
    q = np.zeros_like(w)
    for j in range(20):
        q[:, j] = nearest(w[:, j], 7)
        error = (w[:, j] - q[:, j]) / u[j, j]
        w[:, j + 1 :] -= error[:, None] * u[j, j + 1 :]
    expected = np.empty_like(q)
    expected[:, order] = q
    np.testing.assert_array_equal(expected.T, gptq(target, moments, 7)[0])


def test_gptq_of_uncorrelated_inputs_is_nearest():
    target, _ = _case((2, 8, 3), 127)
    moments = np.stack([np.diag(np.arange(1.0, 9)), np.zeros((8, 8))])
    np.testing.assert_array_equal(nearest(target, 127), gptq(target, moments, 127))
    np.testing.assert_array_equal(nearest(target, 127), descend(nearest(target, 127), target, moments, 127))


def test_nearest_rounds_ties_away_from_zero_and_limits():
    np.testing.assert_array_equal([-3, 1, -1, 7, -7], nearest(np.array([-2.5, 0.5, -0.5, 9.0, -7.6]), 7))


@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("qmax", [7, 127])
def test_gptq_of_a_singular_h_is_finite_and_better_than_nearest(qmax, rank):
    target, moments = _case((2, 40, 3), qmax, rank=rank)
    codes = gptq(target, moments, qmax)
    assert np.isfinite(codes).all()
    polished = descend(codes, target, damped(moments), qmax)
    for found in (codes, polished):
        assert loss(found, target, moments).sum() < loss(nearest(target, qmax), target, moments).sum()


def test_gptq_leaves_weights_of_dead_inputs_nearest():
    target, moments = _case((1, 10, 3), 127)
    dead = [2, 7]
    moments[:, dead, :] = moments[:, :, dead] = 0
    for codes in (gptq(target, moments, 127), descend(nearest(target, 127), target, moments, 127)):
        np.testing.assert_array_equal(nearest(target, 127)[:, dead], codes[:, dead])


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_gptq_and_descend_are_near_the_optimum_of_small_layers(size):
    ratios = []
    for seed in range(12):
        target, moments = _case((1, size, 1), 5, seed)
        weighed = damped(moments)
        codes = descend(gptq(target, moments, 7), target, weighed, 7)
        optimum = best_loss(target[0, :, 0], weighed[0], 7)
        found = float(loss(codes, target, weighed)[0, 0])
        assert found >= optimum * (1 - 1e-9)
        ratios.append(found / optimum)
    assert np.median(ratios) == pytest.approx(1)
    if size == 1:
        assert max(ratios) == pytest.approx(1)


def test_descend_never_raises_the_loss():
    target, moments = _case((2, 90, 5), 7)
    codes = np.random.default_rng(1).integers(-7, 8, target.shape).astype(float)
    before = loss(codes, target, moments)
    for _ in range(6):
        codes = descend(codes, target, moments, 7, sweeps=1)
        after = loss(codes, target, moments)
        assert (after <= before * (1 + 1e-12)).all()
        before = after
    still = descend(codes, target, moments, 7, sweeps=50)
    np.testing.assert_array_equal(still, descend(still, target, moments, 7, sweeps=1))


def test_gptq_of_groups_is_that_of_each_group():
    target, moments = _case((5, 9, 2), 7)
    together = gptq(target, moments, 7)
    for g in range(5):
        np.testing.assert_array_equal(together[g], gptq(target[g : g + 1], moments[g : g + 1], 7)[0])

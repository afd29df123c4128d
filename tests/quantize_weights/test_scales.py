"""The scale search against trying every factor by hand."""

import numpy as np
import pytest

from mcuq.quantize.rounding.scales import choose_factors, factor_grid
from mcuq.quantize.rounding.second_order import loss, nearest
from tests.quantize_weights.problems import inputs, second_moment


def _layer(seed=0, groups=2, size=9, outputs=4):
    rng = np.random.default_rng(seed)
    weights = rng.standard_t(3, size=(groups, size, outputs))
    moments = second_moment(inputs(rng, groups, 100, size))
    return weights, np.abs(weights).max(axis=1) / 7, moments


def _loss(weights, scale, moments):
    target = weights / scale[:, None, :]
    return loss(nearest(target, 7), target, moments) * scale**2


def test_factors_per_channel_are_the_best_of_the_grid():
    weights, base, moments = _layer()
    factors = choose_factors(weights, base, moments, 7, True)
    least = np.min([_loss(weights, f * base, moments) for f in factor_grid()], axis=0)
    np.testing.assert_allclose(_loss(weights, factors * base, moments), least, rtol=1e-5)


def test_factors_per_tensor_are_one():
    weights, base, moments = _layer()
    base = np.full_like(base, base.max())
    factors = choose_factors(weights, base, moments, 7, False)
    assert len(np.unique(factors)) == 1
    least = np.min([_loss(weights, f * base, moments).sum() for f in factor_grid()])
    assert _loss(weights, factors * base, moments).sum() == pytest.approx(least, rel=1e-5)


def test_factors_of_inputs_that_are_never_seen_are_one():
    weights, base, moments = _layer()
    np.testing.assert_array_equal(
        np.ones_like(base), choose_factors(weights, base, np.zeros_like(moments), 7, True)
    )


def test_factor_grid_is_what_the_method_asks():
    grid = factor_grid()
    assert (len(grid), grid[0], grid[-1]) == (80, 1.0, 0.3)

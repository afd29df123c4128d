"""What is done for weights of few bits: scales and codes together, and what they aim at."""

import dataclasses

import numpy as np
import pytest

from mcuq.quantize.rounding.aim import aim
from mcuq.quantize.rounding.choose import Methods, choose_weights
from mcuq.quantize.rounding.layer_problem import HeldOut
from mcuq.quantize.rounding.refine import Refinement, best_scale, refine
from mcuq.quantize.rounding.scales import choose_factors
from mcuq.quantize.rounding.second_order import damped, descend, gptq, loss
from tests.quantize_weights.problems import inputs, problem, second_moment


def _layer(seed=0, groups=2, size=20, outputs=6):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(groups, size, outputs)), second_moment(inputs(rng, groups, 200, size))


def _task(weights, moments):
    return Refinement(weights, moments, 7, 0.01, 3, lambda scale: scale.astype(np.float32).astype(np.float64))


def _error(task, codes, scale):
    weight = damped(task.moments, task.damping)
    return loss(codes, task.weights / scale[:, None, :], weight) * scale**2


def test_refine_is_never_worse_than_second_order_rounding_alone():
    weights, moments = _layer()
    task = _task(weights, moments)
    base = np.abs(weights).max(axis=1) / 7
    begin = task.exact(base * choose_factors(weights, base, moments, 7, True))
    target = weights / begin[:, None, :]
    plain = descend(gptq(target, moments, 7), target, damped(moments), 7)
    codes, scale = refine(task, begin)
    before, after = _error(task, plain, begin), _error(task, codes, scale)
    assert (after <= before * (1 + 1e-9)).all() and after.sum() < 0.9 * before.sum()
    assert np.abs(codes).max() <= 7 and (codes == np.rint(codes)).all()
    np.testing.assert_array_equal(np.float32(scale), scale)


def test_refine_keeps_scales_of_outputs_that_are_zero():
    weights, moments = _layer()
    weights[:, :, 1] = 0
    codes, scale = refine(_task(weights, moments), np.ones((2, 6)))
    assert not codes[:, :, 1].any() and (scale[:, 1] == 1).all()


def test_best_scale_is_where_the_loss_is_least():
    weights, moments = _layer(1)
    codes = np.rint(weights * 3)
    scale = best_scale(codes, weights, moments, np.ones((2, 6)))
    for factor in (0.99, 1.01):
        moved = scale * factor
        worse = loss(codes, weights / moved[:, None, :], moments) * moved**2
        assert (worse > loss(codes, weights / scale[:, None, :], moments) * scale**2).all()


@pytest.mark.parametrize("share", [0.0, 0.7])
def test_aim_makes_up_for_an_error_that_inputs_tell(share):
    """Half of an input went where another one is: the float weights are no longer the best ones."""
    rng = np.random.default_rng(4)
    layer = problem(rng, size=10, rows=1200, noise=0.5)
    x = inputs(rng, 1, 1200, 10)
    real = x.copy()
    real[:, :, 0] += share * x[:, :, 1]
    target = real @ layer.weights + 3.0
    parts = (slice(0, 900), slice(900, None))
    fitted, held = (HeldOut(x[:, part], target[:, part]) for part in parts)
    found = aim(dataclasses.replace(layer, held_out=held), fitted)
    expected = layer.weights.copy()
    expected[:, 1] += share * layer.weights[:, 0]
    assert np.abs(found - expected).max() <= 0.1 * share * np.abs(layer.weights).max() + 1e-9


def test_aim_keeps_weights_that_nothing_can_be_learned_of():
    rng = np.random.default_rng(5)
    layer = problem(rng, size=10, noise=0.0)
    noise = HeldOut(inputs(rng, 1, 30, 10), rng.normal(size=(1, 30, 5)))
    np.testing.assert_array_equal(layer.weights, aim(layer, noise))


def test_aims_count_where_they_are_given():
    rng = np.random.default_rng(6)
    layer = problem(rng, size=12, rows=800, noise=8.0)
    base = np.abs(layer.weights).max(axis=1) / 7

    def scale_of(factors):
        return np.float32(base * factors).astype(np.float64)

    methods = Methods(bits=4)
    aimed = dataclasses.replace(layer, fitted=layer.held_out)
    (plain, _), (found, _) = (choose_weights(each, scale_of, methods, True) for each in (layer, aimed))
    assert (plain.codes != found.codes).any()

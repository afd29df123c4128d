"""What is kept and what is refused in one layer."""

import dataclasses

import numpy as np
import pytest

from mcuq.quantize.rounding.choose import Methods, choose_weights
from mcuq.quantize.rounding.layer_problem import (
    HeldOut,
    InputMoments,
    Solution,
    corrected_bias,
    held_out_error,
)
from mcuq.quantize.rounding.second_order import nearest
from tests.quantize_weights.problems import moments, problem


def _scale_of(layer, qmax=127):
    base = np.abs(layer.weights).max(axis=1) / qmax
    return lambda factors: np.float32(np.where(base > 0, base, 1) * factors).astype(np.float64)


def _choose(layer, methods=None, is_per_channel=True):
    methods = methods or Methods()
    return choose_weights(layer, _scale_of(layer, methods.qmax), methods, is_per_channel)


def _nearest(layer, qmax=127):
    scale = _scale_of(layer, qmax)(np.ones_like(layer.bias))
    return Solution(nearest(layer.weights / scale[:, None], qmax), scale, layer.bias)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("groups, size, outputs", [(1, 30, 6), (8, 9, 1), (2, 18, 4), (1, 1, 3)])
def test_what_is_kept_lowers_the_held_out_error(groups, size, outputs, bits):
    layer = problem(np.random.default_rng(1), groups, size, outputs, shift=0.3)
    solution, gains = _choose(layer, Methods(bits=bits))
    assert [gain.algorithm for gain in gains] == ["bias", "scale", "rounding"]
    assert all((gain.gain_db > 1e-5) == gain.is_kept for gain in gains)
    before, after = (held_out_error(layer, each) for each in (_nearest(layer, 2 ** (bits - 1) - 1), solution))
    kept = sum(gain.gain_db for gain in gains if gain.is_kept)
    assert 10 * np.log10(before / after) == pytest.approx(kept)
    assert np.abs(solution.codes).max() <= 2 ** (bits - 1) - 1


def test_bias_correction_makes_up_for_a_shift_of_the_inputs():
    layer = problem(np.random.default_rng(2), size=20, shift=2.0)
    solution, gains = _choose(layer, Methods(scale=False, rounding="nearest"))
    assert gains[0].is_kept and gains[0].gain_db > 6
    expected = layer.mean_target - np.einsum("gk,gkm->gm", layer.mean_input, solution.weights)
    np.testing.assert_allclose(solution.bias, expected)
    np.testing.assert_array_equal(solution.bias, corrected_bias(layer, solution.weights))


def test_what_fits_the_wrong_samples_is_refused():
    rng = np.random.default_rng(3)
    layer = problem(rng, size=16, noise=0.0)
    # What is fitted to says nothing about what is held out.
    flat = np.rint(np.abs(rng.normal(size=(1, 1, 16))) * 50) + np.zeros((1, 300, 16))
    odd = dataclasses.replace(
        layer,
        moments=moments(flat),
        mean_input=flat.mean(axis=1),
        mean_target=layer.mean_target + 500,
    )
    assert not odd.moments.central.any()
    solution, gains = _choose(odd)
    assert not any(gain.is_kept for gain in gains)
    expected = _nearest(odd)
    np.testing.assert_array_equal(expected.codes, solution.codes)
    np.testing.assert_array_equal(odd.bias, solution.bias)
    ungated, _ = _choose(odd, Methods(is_gated=False))
    assert held_out_error(odd, ungated) > held_out_error(odd, expected)


def test_dead_channels_inputs_and_layers_stay_finite():
    layer = problem(np.random.default_rng(4), groups=3, size=9, outputs=2)
    layer.weights[1, :, 0] = 0
    layer.moments.second[2] = layer.moments.central[2] = 0
    silent = dataclasses.replace(layer.held_out, rows=layer.held_out.rows * [[[1]], [[1]], [[0]]])
    layer = dataclasses.replace(layer, held_out=silent)
    for is_per_channel in (True, False):
        solution, _ = _choose(layer, Methods(is_gated=False), is_per_channel)
        for values in (solution.codes, solution.scale, solution.bias):
            assert np.isfinite(values).all()
        assert (solution.codes[1, :, 0] == 0).all()


def test_a_layer_that_only_sees_zeros_is_left_alone():
    layer = problem(np.random.default_rng(5), size=6)
    zero = np.zeros_like
    layer = dataclasses.replace(
        layer,
        moments=InputMoments(zero(layer.moments.second), zero(layer.moments.second)),
        mean_input=zero(layer.mean_input),
        mean_target=layer.bias,
        held_out=HeldOut(zero(layer.held_out.rows), zero(layer.held_out.target) + layer.bias[:, None]),
    )
    solution, gains = _choose(layer)
    assert not any(gain.is_kept for gain in gains)
    np.testing.assert_array_equal(_nearest(layer).codes, solution.codes)


def test_per_tensor_scales_have_one_factor():
    layer = problem(np.random.default_rng(6), size=20)
    base = float(np.abs(layer.weights).max() / 7)
    solution, _ = choose_weights(
        layer,
        lambda factors: np.full_like(layer.bias, base) * factors,
        Methods(bits=4, is_gated=False),
        False,
    )
    assert len(np.unique(solution.scale)) == 1


def test_bias_that_would_not_fit_is_not_corrected():
    layer = problem(np.random.default_rng(7), size=4)
    huge = dataclasses.replace(layer, mean_target=layer.mean_target + 1e12)
    solution, _ = _choose(huge, Methods(is_gated=False))
    np.testing.assert_array_equal(huge.bias, solution.bias)


def test_adaround_takes_the_place_of_gptq():
    layer = problem(np.random.default_rng(8), size=12)
    layer = dataclasses.replace(layer, fit_rows=layer.held_out.rows)
    solution, gains = _choose(layer, Methods(bits=4, rounding="adaround", bias=False, scale=False))
    assert [gain.algorithm for gain in gains] == ["rounding"] and gains[0].is_kept
    assert (np.abs(solution.codes - layer.weights / solution.scale[:, None]) < 1).all()

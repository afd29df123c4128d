"""Random layers to round."""

import itertools

import numpy as np

from mcuq.quantize.rounding.layer_problem import HeldOut, InputMoments, LayerProblem


def inputs(rng, groups, rows, size, rank=None):
    """Correlated integer inputs `[G, R, K]`, as codes of activations are."""
    rank = size if rank is None else rank
    mix = rng.normal(size=(groups, rank, size))
    return np.clip(np.rint(20 * rng.normal(size=(groups, rows, rank)) @ mix), -255, 255)


def second_moment(x):
    return x.transpose(0, 2, 1) @ x / x.shape[1]


def moments(x):
    """Of rows `[G, R, K]`."""
    return InputMoments.of_sums(x.transpose(0, 2, 1) @ x, x.sum(axis=1), x.shape[1])


def problem(rng, groups=1, size=12, outputs=5, rows=400, shift=0.0, noise=0.5):
    """A layer whose quantized inputs differ from the float model's by noise and a shift."""
    x = inputs(rng, groups, rows, size)
    weights = rng.normal(size=(groups, size, outputs))
    bias = 10 * rng.normal(size=(groups, outputs))
    real = x + noise * rng.normal(size=x.shape) + shift
    target = real @ weights + bias[:, None]
    fit, held = slice(0, rows * 3 // 4), slice(rows * 3 // 4, None)
    return LayerProblem(
        weights,
        bias,
        moments(x[:, fit]),
        x[:, fit].mean(axis=1),
        target[:, fit].mean(axis=1),
        HeldOut(x[:, held], target[:, held]),
    )


def best_loss(target, moments, qmax):
    """The least loss of one output, by trying all codes."""
    every = itertools.product(range(-qmax, qmax + 1), repeat=len(target))
    difference = np.array(list(every), float) - target
    return float((difference @ moments * difference).sum(axis=1).min())

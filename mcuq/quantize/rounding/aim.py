"""The real weights that codes of few bits aim at: those that make up for errors of the layers before."""

from __future__ import annotations

import numpy as np

from mcuq.ir.types import Float64
from mcuq.quantize.rounding.layer_problem import HeldOut, LayerProblem

_RIDGES = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01)  # of the mean diagonal; the more, the nearer to the float weights


def aim(problem: LayerProblem, fitted: HeldOut) -> Float64:
    """Weights whose sums of the quantized inputs are nearest to the float model's sums of its own inputs.

    A change of the float weights by ridge regression on what they leave over; its ridge, and whether there is
    a change at all, is for held-out samples to decide. Means are left to the bias.

    Args:
        problem: the layer.
        fitted: rows of samples that weights are fitted to.

    Returns:
        `[G, K, m]`.

    Source: docs/calibration.md, weights.
    """
    rows, left = _centred(fitted.rows), _centred(fitted.target - fitted.rows @ problem.weights)
    moments = rows.transpose(0, 2, 1) @ rows
    size = moments.shape[1]
    mean = np.maximum(np.einsum("gkk->g", moments) / size, 1e-300)
    product = rows.transpose(0, 2, 1) @ left
    held, held_left = (
        _centred(problem.held_out.rows),
        _centred(problem.held_out.target - problem.held_out.rows @ problem.weights),
    )
    best, least = problem.weights, float(np.square(held_left).sum())
    for ridge in _RIDGES:
        change = np.linalg.solve(moments + (ridge * mean)[:, None, None] * np.eye(size), product)
        found = float(np.square(held_left - held @ change).sum())
        if found < least * (1 - 1e-6):
            best, least = problem.weights + change, found
    return best


def _centred(rows: Float64) -> Float64:
    return np.asarray(rows - rows.mean(axis=1, keepdims=True))

"""Weight scales by the error that the layer's inputs make of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcuq.ir.types import Float64
from mcuq.quantize.rounding.second_order import loss, nearest

FACTORS = 80
LEAST_FACTOR = 0.3
_MARGIN = 1e-6  # relative; noise of the last bits must not choose between equal factors
_WORK = 2e10  # multiplications per layer; larger layers try fewer factors
_HOPELESS = 4.0  # times the least loss: clipping has set in, and smaller factors clip more


def factor_grid(count: int = FACTORS) -> Float64:
    """Factors from 1 down to the least one, evenly spaced."""
    return np.linspace(1.0, LEAST_FACTOR, count)


def choose_factors(
    weights: Float64, base: Float64, moments: Float64, qmax: int, is_per_channel: bool
) -> Float64:
    """The share of its largest weight that each output channel's scale covers.

    Args:
        weights: `[G, K, m]`.
        base: scale that covers the largest weight, `[G, m]`, positive.
        moments: H, `[G, K, K]`.
        qmax: the largest code.
        is_per_channel: one factor for each output, otherwise one for all.

    Returns:
        `[G, m]`, each one of `factor_grid`; 1 where nothing else is better.

    Source: docs/calibration.md, weights.
    """
    groups, size, outputs = weights.shape
    count = int(np.clip(_WORK / (groups * size * size * outputs), 8, FACTORS))
    best = np.full_like(base, np.inf)
    chosen = np.ones_like(base)
    is_open = np.ones(base.shape, bool)
    for factor in factor_grid(count):
        found = _losses(weights, base * factor, moments, qmax, is_open)
        if not is_per_channel:
            found = np.full_like(base, found.sum())
        is_better = found < best * (1 - _MARGIN)
        best = np.where(is_better, found, best)
        chosen = np.where(is_better, factor, chosen)
        is_open = (found <= _HOPELESS * best) & (best > 0)
        if not is_open.any():
            break
    return chosen


def _losses(
    weights: Float64, scale: Float64, moments: Float64, qmax: int, is_open: NDArray[np.bool_]
) -> Float64:
    """The loss of rounding to nearest, `[G, m]`; infinite for outputs that are not tried any more."""
    rows, columns = is_open.any(axis=1), is_open.any(axis=0)
    part = np.ix_(rows, columns)
    target = weights[np.ix_(rows, np.ones(weights.shape[1], bool), columns)] / scale[part][:, None, :]
    # The loss in squared codes is worth the square of the scale.
    found = loss(nearest(target, qmax), target, moments[rows]) * np.square(scale[part])
    everywhere = np.full(scale.shape, np.inf)
    everywhere[part] = found
    return np.where(is_open, everywhere, np.inf)

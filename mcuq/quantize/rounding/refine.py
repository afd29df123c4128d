"""Codes and scales chosen together, for weights of few bits.

With few codes the scale that rounding to nearest likes best is not the one that second-order rounding does,
and codes that make up for each other's errors have a best scale of their own, in closed form.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from mcuq.ir.types import Float64
from mcuq.quantize.rounding.second_order import damped, descend, gptq, loss

# Of the scale that is begun with; tried one by one, the best for each output kept.
_FACTORS = (1.0, 0.8, 0.9, 1.1, 1.25)
_ROUNDS = 4  # of a scale for the codes, and codes for the scale
_WORK = 1e11  # multiplications per layer; larger layers keep the scale that they begin with


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Refinement:
    """A layer whose codes and scales are chosen.

    Args:
        weights: `[G, K, m]`.
        moments: H, `[G, K, K]`.
        qmax: the largest code.
        damping: share of the mean diagonal that is added to H.
        sweeps: of coordinate descent at a time.
        exact: float32-exact scales `[G, m]` as a layer may have them, near the given ones.
    """

    weights: Float64
    moments: Float64
    qmax: int
    damping: float
    sweeps: int
    exact: Callable[[Float64], Float64]


def refine(task: Refinement, begin: Float64) -> tuple[Float64, Float64]:
    """The codes and scales of least loss that are found.

    From each of some scales: second-order rounding, then in turn the best scale for the codes and coordinate
    descent of the codes for the scale, neither of which raises the loss.

    Args:
        task: the layer.
        begin: a scale of each output, `[G, m]`.

    Returns:
        Codes `[G, K, m]` and scales `[G, m]`; each output's own best.

    Source: docs/calibration.md, weights.
    """
    groups, size, outputs = task.weights.shape
    is_large = len(_FACTORS) * _ROUNDS * task.sweeps * groups * size * size * outputs > _WORK
    weight = damped(task.moments, task.damping)
    best = np.full(begin.shape, np.inf)
    codes, scale = np.zeros_like(task.weights), begin.copy()
    for factor in _FACTORS[:1] if is_large else _FACTORS:
        found, step = _from(task, weight, task.exact(begin * factor))
        error = loss(found, task.weights / step[:, None, :], weight) * np.square(step)
        is_better = error < best * (1 - 1e-6)
        best = np.where(is_better, error, best)
        codes = np.where(is_better[:, None, :], found, codes)
        scale = np.where(is_better, step, scale)
    return codes, scale


def _from(task: Refinement, weight: Float64, scale: Float64) -> tuple[Float64, Float64]:
    """Codes and scales that are found from one scale."""
    target = task.weights / scale[:, None, :]
    codes = gptq(target, task.moments, task.qmax, task.damping)
    codes = descend(codes, target, weight, task.qmax, task.sweeps)
    for _ in range(_ROUNDS):
        scale = task.exact(best_scale(codes, task.weights, weight, scale))
        codes = descend(codes, task.weights / scale[:, None, :], weight, task.qmax, task.sweeps)
    return codes, scale


def best_scale(codes: Float64, weights: Float64, moments: Float64, scale: Float64) -> Float64:
    """The scale of least `(s q - w) H (s q - w)^T` for each output: `q H w / q H q`.

    Args:
        codes: `[G, K, m]`.
        weights: `[G, K, m]`.
        moments: H, `[G, K, K]`.
        scale: what outputs keep whose codes are all 0, or whose best scale is not positive, `[G, m]`.
    """
    reached = moments @ codes
    square = (codes * reached).sum(axis=1)
    product = (weights * reached).sum(axis=1)
    is_found = (square > 0) & (product > 0)
    return np.where(is_found, np.divide(product, square, out=np.ones_like(square), where=is_found), scale)

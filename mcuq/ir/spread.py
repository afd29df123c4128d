"""Distributions as points: what every value of a tensor would be at fixed deviations from its mean."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from mcuq.ir.types import Float64

SIGMAS = 6.0
# Deviations from the mean of a bell curve at which the values of a tensor are described.
Z = np.arange(-SIGMAS, SIGMAS + 0.125, 0.25)
_WEIGHTS = np.exp(-0.5 * Z * Z) / np.exp(-0.5 * Z * Z).sum()

Spread: TypeAlias = Float64
"""Points `[49, *axes]` whose axes broadcast to the tensor's shape: a channel axis and ones, as a rule."""


def bell(mean: Float64, deviation: Float64) -> Spread:
    """Points of a bell curve, `[49, *shape]`."""
    return np.asarray(mean + Z.reshape(-1, *[1] * np.ndim(mean)) * deviation)


def moments(points: Spread) -> tuple[Float64, Float64]:
    """Mean and variance at every place of the axes."""
    mean = np.tensordot(_WEIGHTS, points, 1)
    square = np.tensordot(_WEIGHTS, (points - mean) ** 2, 1)
    return mean, square


def total_moments(points: Spread) -> tuple[float, float]:
    """Mean and deviation over all channels."""
    mean, variance = moments(points)
    return float(mean.mean()), float(np.sqrt(variance.mean() + mean.var()))


def on_axis(points: Spread, rank: int, axis: int) -> Spread:
    """Points `[49, C]` along one axis of `rank`."""
    return points.reshape(len(Z), *(-1 if other == axis else 1 for other in range(rank)))


def over_positions(points: Spread) -> Spread:
    """The mean over all axes but the last one: what a value may be, wherever in the tensor it stands."""
    mean: Spread = points.mean(axis=tuple(range(1, points.ndim - 1)), keepdims=True)
    return mean

"""Distances between a float tensor and its quantized twin."""

from __future__ import annotations

import math

import numpy as np

from mcuq.ir.types import Array


def power(values: Array) -> float:
    """Mean square, in float64.

    >>> power(np.array([3.0, 4.0]))
    12.5
    """
    return float(np.mean(np.square(values, dtype=np.float64))) if values.size else 0.0


def ratio_db(signal: float, noise: float) -> float | None:
    """10 log10 of a power ratio; None where there is no noise or no signal.

    >>> ratio_db(100.0, 1.0), ratio_db(1.0, 0.0)
    (20.0, None)
    """
    return 10 * math.log10(signal / noise) if signal > 0 and noise > 0 else None


def sqnr_db(real: Array, found: Array) -> float | None:
    """Signal to quantization noise ratio of `found` against `real`."""
    return ratio_db(power(real), power(real.astype(np.float64) - found))


def cosine(real: Array, found: Array) -> float | None:
    """Cosine of the angle between two tensors; None where one of them is zero."""
    a, b = real.astype(np.float64).reshape(-1), found.astype(np.float64).reshape(-1)
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / norms if norms > 0 else None


def agreement(real: Array, found: Array) -> float | None:
    """Share of samples whose largest element is the same; None for outputs of one element."""
    a, b = real.reshape(len(real), -1), found.reshape(len(found), -1)
    return float((a.argmax(axis=1) == b.argmax(axis=1)).mean()) if a.shape[1] > 1 else None

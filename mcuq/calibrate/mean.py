"""The mean method: the average of every sample's extremes, so that no single sample decides."""

from __future__ import annotations

from mcuq.calibrate.minmax import minmax
from mcuq.calibrate.params import Range, Scheme
from mcuq.calibrate.store import TensorStore


def mean(store: TensorStore, scheme: Scheme) -> Range:
    """Mean of the samples' minima to mean of their maxima, widened to hold 0.

    A store that was filled without samples, only with values, gives their min-max range.

    Source: docs/calibration.md, methods.
    """
    found = store.mean_extremes
    if found is None:
        return minmax(store, scheme)
    lo, hi = min(found[0], 0.0), max(found[1], 0.0)
    if scheme is Scheme.SYMMETRIC:
        return Range(-max(-lo, hi), max(-lo, hi))
    return Range(lo, hi)

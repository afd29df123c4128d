"""The min-max method: nothing is clipped."""

from __future__ import annotations

from mcuq.calibrate.params import Range, Scheme
from mcuq.calibrate.store import TensorStore


def minmax(store: TensorStore, scheme: Scheme) -> Range:
    """The exact extremes, widened to hold 0; `[-amax, amax]` when symmetric."""
    if scheme is Scheme.SYMMETRIC:
        return Range(-store.amax, store.amax)
    return Range(min(store.lo, 0.0), max(store.hi, 0.0))

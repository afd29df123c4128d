"""The percentile method: a fixed share of the values may be clipped."""

from __future__ import annotations

import numpy as np

from mcuq.calibrate.minmax import minmax
from mcuq.calibrate.params import Range, Scheme
from mcuq.calibrate.store import TensorStore
from mcuq.ir.types import Int64

DEFAULT_PERCENT = 99.999


def percentile(store: TensorStore, scheme: Scheme, percent: float = DEFAULT_PERCENT) -> Range:
    """The range from the `100 - percent` to the `percent` percentile, of |x| when symmetric.

    The distribution is interpolated within bins and clipped to the true range. Exact zeros are left out:
    every grid has a code for them, and in a ReLU tensor they would double the share of the others that is
    clipped. Where a percentile falls between two values, the larger range wins.

    Args:
        store: what the tensor looked like.
        scheme: how the codes lie about zero.
        percent: above 50, at most 100.

    Source: docs/calibration.md, methods.
    """
    assert 50 < percent <= 100, percent
    limits = minmax(store, scheme)
    # The product is decimal in spirit: 1e-5 of 200,000 values are 2, not 2.0000000000095.
    tail = round((store.count - store.zeros) * (100 - percent) / 100, 6)
    if scheme is Scheme.SYMMETRIC:
        amax = min(_limit(store.neg + store.pos, store.width, tail), limits.hi)
        return Range(-amax, amax) if amax else limits
    lo = max(-_limit(store.neg, store.width, tail), limits.lo)
    hi = min(_limit(store.pos, store.width, tail), limits.hi)
    return Range(lo, hi) if lo or hi else limits


def _limit(counts: Int64, width: float, tail: float) -> float:
    """The magnitude above which `tail` values of one side lie, 0 when it has fewer."""
    above = np.cumsum(counts[::-1])[::-1]  # values in a bin or beyond it
    reaching = np.flatnonzero((above >= tail) & (counts > 0))
    if not reaching.size:
        return 0.0
    index = int(reaching[-1])
    beyond = int(above[index] - counts[index])
    inside = (tail - beyond) / int(counts[index])
    return float(index + 1 - inside) * width + 0.0

"""The Kullback-Leibler method: the clipping that loses the least information."""

from __future__ import annotations

import numpy as np

from mcuq.calibrate.minmax import minmax
from mcuq.calibrate.params import Range, Scheme
from mcuq.calibrate.store import TensorStore
from mcuq.ir.types import Float64, Int64

_LEVELS_ONE_SIDED = 255
_LEVELS_TWO_SIDED = 128
_EPSILON = 1e-12


def kl(store: TensorStore, scheme: Scheme) -> Range:
    """The range whose quantized histogram diverges least from the clipped one.

    The magnitudes, without exact zeros, are cut after i bins for every i from the number of levels (128 for
    two-sided or symmetric tensors, 255 for one-sided) to the last bin in use; ties go to the larger range.

    Source: docs/calibration.md, methods; TensorRT's entropy calibration.
    """
    limits = minmax(store, scheme)
    if store.exponent is None:
        return limits
    is_one_sided = scheme is Scheme.ASYMMETRIC and (limits.lo == 0 or limits.hi == 0)
    levels = _LEVELS_ONE_SIDED if is_one_sided else _LEVELS_TWO_SIDED
    counts = store.neg + store.pos
    # The largest |x| lies in the upper half of the bins, so there are always more bins than levels.
    kept = np.arange(levels, int(np.flatnonzero(counts)[-1]) + 2)
    divergences = _divergences(counts, kept, levels)
    best = int(kept[np.flatnonzero(divergences == divergences.min())[-1]])
    threshold = best * store.width
    return Range(max(limits.lo, -threshold), min(limits.hi, threshold))


def _divergences(counts: Int64, kept: Int64, levels: int) -> Float64:
    """`sum P ln(P / Q)` for every number of kept bins.

    P is the kept histogram with everything beyond added to its last bin, normalized. Q is the kept histogram
    in `levels` groups, each group's mass spread evenly over its bins that are not empty, normalized.

    Q is constant over the bins in use of a group, so the cross term needs the groups' masses only.

    Args:
        counts: int64 `[bins]`.
        kept: numbers of bins, `[candidates]`, each at least `levels`.
        levels: number of groups.

    Returns:
        `[candidates]`
    """
    mass = np.concatenate([[0], np.cumsum(counts)])
    used = np.concatenate([[0], np.cumsum(counts > 0)])
    own = np.concatenate([[0.0], np.cumsum(_x_log_x(counts.astype(np.float64)))])
    edges = np.arange(levels + 1) * kept[:, None] // levels
    group_mass = np.diff(mass[edges], axis=1).astype(np.float64)
    group_used = np.diff(used[edges], axis=1)
    total, inside = float(mass[-1]), mass[kept].astype(np.float64)
    log_q = np.log(
        np.maximum(group_mass, 1.0) / (np.maximum(group_used, 1) * np.maximum(inside, 1.0)[:, None])
    )
    last = counts[kept - 1]
    outliers = total - inside
    # Only the last bin can be empty in Q and, by its outliers, not in P.
    last_log_q = np.where(last > 0, log_q[:, -1], np.log(_EPSILON))
    self_term = own[kept - 1] + _x_log_x(last + outliers)
    cross_term = (group_mass * log_q).sum(axis=1) + outliers * last_log_q
    return np.asarray((self_term - cross_term) / total - np.log(total))


def _x_log_x(x: Float64) -> Float64:
    """`x ln x`, 0 at 0."""
    return np.asarray(x * np.log(np.maximum(x, 1.0)))

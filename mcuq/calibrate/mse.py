"""The least-squares method: the range with the smallest quantization error."""

from __future__ import annotations

import dataclasses

import numpy as np

from mcuq.calibrate.minmax import minmax
from mcuq.calibrate.params import Range, Scheme, quant_grid
from mcuq.calibrate.store import BINS, TensorStore
from mcuq.ir.types import DType, Float64

_HI_FACTORS = np.arange(1, 101) / 100
_LO_FACTORS = np.arange(1, 21) / 20
_REFINE = np.arange(-10, 11) / 10  # in steps of the coarse search
_CODES = np.arange(DType.INT8.qmin, DType.INT8.qmax, dtype=np.float64)


def mse(store: TensorStore, scheme: Scheme) -> Range:
    """The range with the least squared error on its own int8 grid, never wider than min-max.

    100 factors of `hi` and 20 of `lo` (one-dimensional when one-sided or symmetric), then a refinement about
    the best. Ties go to the larger range, so min-max wins where nothing is gained.

    Source: docs/calibration.md, methods.
    """
    limits = minmax(store, scheme)
    if store.exponent is None:
        return limits
    moments = _Moments.of(store)
    hi_step, lo_step = 1 / _HI_FACTORS.size, 1 / _LO_FACTORS.size
    if limits.lo == 0 or limits.hi == 0 or scheme is Scheme.SYMMETRIC:
        factor, _ = _best(moments, limits, scheme, _HI_FACTORS, _HI_FACTORS)
        fine = _around(factor, hi_step)
        factor, _ = _best(moments, limits, scheme, fine, fine)
        return Range(limits.lo * factor, limits.hi * factor)
    lo_grid, hi_grid = _pairs(_LO_FACTORS, _HI_FACTORS)
    lo_factor, hi_factor = _best(moments, limits, scheme, lo_grid, hi_grid)
    lo_grid, hi_grid = _pairs(_around(lo_factor, lo_step), _around(hi_factor, hi_step))
    lo_factor, hi_factor = _best(moments, limits, scheme, lo_grid, hi_grid)
    return Range(limits.lo * lo_factor, limits.hi * hi_factor)


def squared_error(store: TensorStore, chosen: Range, scheme: Scheme) -> float:
    """The summed squared error of a store's values on the int8 grid of a range.

    Args:
        store: what was seen.
        chosen: the range.
        scheme: how the codes lie about zero.
    """
    if store.exponent is None:
        return 0.0
    scale, zero_point = quant_grid(np.array([chosen.lo]), np.array([chosen.hi]), scheme)
    (error,) = _Moments.of(store).squared_error(scale, zero_point)
    return float(error) * store.width**2


def _pairs(lo: Float64, hi: Float64) -> tuple[Float64, Float64]:
    """Every pair of factors, flat."""
    return np.repeat(lo, hi.size), np.tile(hi, lo.size)


def _around(factor: float, step: float) -> Float64:
    """Factors within one coarse step, at most 1; the factor itself is one of them."""
    near = factor + _REFINE * step
    return near[(near > 0) & (near <= 1)]


def _best(
    moments: _Moments, limits: Range, scheme: Scheme, lo_factors: Float64, hi_factors: Float64
) -> tuple[float, float]:
    """The pair of factors with the least error, ties to the larger range."""
    lo, hi = limits.lo * lo_factors, limits.hi * hi_factors
    scale, zero_point = quant_grid(lo, hi, scheme)
    errors = moments.squared_error(scale, zero_point)
    best = np.lexsort((lo, lo - hi, errors))[0]
    return float(lo_factors[best]), float(hi_factors[best])


@dataclasses.dataclass(frozen=True, slots=True)
class _Moments:
    """A tensor's values spread evenly over their bins, in units of bins from the leftmost edge.

    Zeros are left out: every grid has an exact code for them.

    Args:
        width: real width of a bin.
        counts: values in each bin, `[4096]`, negative side first.
        below: values left of each edge, `[4097]`.
        distance: `sum (edge - x)` over the values left of each edge, `[4097]`.
        total: number of values, sum and sum of squares.
    """

    width: float
    counts: Float64
    below: Float64
    distance: Float64
    total: tuple[float, float, float]

    @classmethod
    def of(cls, store: TensorStore) -> _Moments:
        """Accumulate a store; all sums are exact below 2^53."""
        counts = np.concatenate([store.neg[::-1], store.pos]).astype(np.float64)
        below = np.concatenate([[0.0], np.cumsum(counts)])
        distance = np.concatenate([[0.0], np.cumsum(below[:-1] + counts / 2)])
        centres = np.arange(2 * BINS) + 0.5
        squares = float(counts @ (centres**2 + 1 / 12))
        return cls(store.width, counts, below, distance, (float(below[-1]), float(counts @ centres), squares))

    def squared_error(self, scale: Float64, zero_point: Float64) -> Float64:
        """The summed squared error of int8 grids, in squared bins.

        With levels v and the boundaries b midway between them, summation by parts leaves one term per
        boundary: `sum (x - v_max)^2 - 2 s sum_b sum_{x < b} (b - x)`.

        Args:
            scale: `[candidates]`.
            zero_point: `[candidates]`.

        Returns:
            `[candidates]`, at least 0.
        """
        step = scale / self.width
        boundaries = (_CODES + 0.5 - zero_point[:, None]) * step[:, None] + BINS
        count, total, squares = self.total
        top = (DType.INT8.qmax - zero_point) * step + BINS
        all_to_top = squares - 2 * top * total + top * top * count
        errors = all_to_top - 2 * step * self._distance(boundaries).sum(axis=1)
        return np.asarray(np.maximum(errors, 0.0))

    def _distance(self, edge: Float64) -> Float64:
        """`sum (edge - x)` over the values left of arbitrary edges."""
        inside = np.clip(edge, 0, 2 * BINS)
        index = np.minimum(inside.astype(np.int64), 2 * BINS - 1)
        part = inside - index
        gathered = self.distance[index] + part * (self.below[index] + part * (self.counts[index] / 2))
        # Right of the last bin the sum keeps growing with every value in it.
        return np.asarray(gathered + (edge - inside) * np.where(edge > inside, self.total[0], 0.0))

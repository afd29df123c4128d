"""Ranges of real values and the affine parameters they become."""

from __future__ import annotations

import dataclasses
import enum
import math

import numpy as np

from mcuq.ir.integer import round_half_away_array
from mcuq.ir.types import DType, Float64, QuantParams

_MIN_SCALE = (
    2.0**-126
)  # smallest normal float32: a subnormal scale reads as zero where cores flush subnormals

# Of what is always zero. Terms of int16 may be 2^14 times as coarse as their sum: 1 would be more than that.
_ZERO_SCALE = {DType.INT8: 1.0, DType.INT16: 2.0**-15}


class Scheme(enum.Enum):
    """How the codes lie about zero."""

    ASYMMETRIC = "asymmetric"
    SYMMETRIC = "symmetric"


@dataclasses.dataclass(frozen=True, slots=True)
class Range:
    """Real values a tensor is quantized for, `lo <= hi`, both finite."""

    lo: float
    hi: float

    def __post_init__(self) -> None:
        """Refuse what is not a range."""
        assert math.isfinite(self.lo) and math.isfinite(self.hi) and self.lo <= self.hi, (self.lo, self.hi)

    @property
    def amax(self) -> float:
        """The largest magnitude in the range."""
        return max(abs(self.lo), abs(self.hi))

    def union(self, other: Range) -> Range:
        """The smallest range that holds both.

        >>> Range(-1.0, 2.0).union(Range(0.0, 3.0))
        Range(lo=-1.0, hi=3.0)
        """
        return Range(min(self.lo, other.lo), max(self.hi, other.hi))


def quant_grid(
    lo: Float64, hi: Float64, scheme: Scheme, dtype: DType = DType.INT8
) -> tuple[Float64, Float64]:
    """Scales and zero points of many ranges at once.

    `s = float32((hi - lo) / 255)`, `z = clamp(round_half_away(-128 - lo / s))` with the range widened to hold
    0; symmetric `s = float32(amax / qmax)`, `z = 0`; all-zero `s = 1`, of int16
    `s = 2^-15`, `z = 0`.

    Args:
        lo: float64, any shape.
        hi: float64, same shape, `lo <= hi`.
        scheme: int16 is always symmetric.
        dtype: INT8 or INT16.

    Returns:
        Scales (float32-exact, positive, normal) and zero points (integers), both float64 of that shape.

    Source: docs/numerics.md, R1.
    """
    assert dtype in (DType.INT8, DType.INT16), dtype
    lo, hi = np.minimum(lo, 0.0), np.maximum(hi, 0.0)
    symmetric = scheme is Scheme.SYMMETRIC or dtype is DType.INT16
    exact = np.maximum(-lo, hi) / dtype.qmax if symmetric else (hi - lo) / (dtype.qmax - dtype.qmin)
    stored = exact.astype(np.float32).astype(np.float64)
    is_zero = (lo == 0) & (hi == 0)
    scale = np.where(is_zero, _ZERO_SCALE[dtype], np.maximum(stored, _MIN_SCALE))
    if symmetric:
        return scale, np.zeros_like(scale)
    zero_point = np.clip(round_half_away_array(dtype.qmin - lo / scale), dtype.qmin, dtype.qmax)
    return scale, np.where(is_zero, 0.0, zero_point)


def quant_params(value_range: Range, scheme: Scheme, dtype: DType = DType.INT8) -> QuantParams:
    """The parameters of a tensor with a range; see `quant_grid` for the formula.

    Args:
        value_range: real values.
        scheme: int16 is always symmetric.
        dtype: INT8 or INT16.

    >>> quant_params(Range(0.0, 255.0), Scheme.ASYMMETRIC)
    QuantParams(scale=(1.0,), zero_point=-128, dtype=<DType.INT8: 'int8'>, axis=None)
    """
    scale, zero_point = quant_grid(np.array(value_range.lo), np.array(value_range.hi), scheme, dtype)
    return QuantParams((float(scale),), int(zero_point), dtype)

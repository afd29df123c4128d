"""Integer arithmetic that every step shares: rounding, multipliers, requantization.

All functions are exact and vectorized over int64; docs/numerics.md R1 to R3 is the law they implement.
"""

from __future__ import annotations

import dataclasses
import enum
import math

import numpy as np

from mcuq.ir.types import CODE_TYPES, Array, DType, Float32, Float64, Int64, QuantParams, require

INT32_MIN = -(2**31)
INT32_MAX = 2**31 - 1


class Rounding(enum.Enum):
    """The requantization contract, docs/numerics.md R3."""

    DOUBLE = "double"
    SINGLE = "single"


def round_half_away(value: float) -> int:
    """The nearest integer, ties away from zero.

    >>> [round_half_away(v) for v in (0.5, -0.5, 1.4999, -2.5)]
    [1, -1, 1, -3]
    """
    # floor(|v| + 0.5) is wrong for 0.49999999999999994, whose sum with 0.5 rounds up to 1.
    whole = math.floor(abs(value))
    whole += abs(value) - whole >= 0.5
    return int(math.copysign(whole, value))


def round_half_away_array(x: Float64) -> Float64:
    """The nearest integers, ties away from zero, still as float64.

    >>> round_half_away_array(np.array([-2.5, -0.5, 0.49999999999999994, 0.5]))
    array([-3., -1.,  0.,  1.])
    """
    whole = np.trunc(x)
    # Both the truncation and the difference are exact; x + 0.5 is not.
    return np.asarray(whole + np.copysign(np.abs(x - whole) >= 0.5, x) + 0.0)


def quantize_multiplier(scale: float) -> tuple[int, int]:
    """A positive real as (multiplier, shift): `scale ~ multiplier * 2^(shift - 31)`.

    Args:
        scale: not negative, finite; computed in float64.

    Returns:
        multiplier in [2^30, 2^31), or (0, 0) for zero and for what underflows.

    Source: docs/numerics.md R2.

    >>> quantize_multiplier(0.75)
    (1610612736, 0)
    """
    assert scale >= 0 and math.isfinite(scale), scale
    fraction, exponent = math.frexp(scale)
    multiplier = round_half_away(fraction * 2.0**31)
    if multiplier == 2**31:
        multiplier, exponent = multiplier // 2, exponent + 1
    if multiplier == 0 or exponent < -31:
        return 0, 0
    return multiplier, exponent


def dhm(a: Int64, b: Int64 | int) -> Int64:
    """Doubling high multiplication, `(a * b + 2^30) >> 31`: the product of Q31 fractions, ties up."""
    high: Int64 = a * b
    # In place, here and below: half of the simulator's time is memory traffic.
    high += 1 << 30
    high >>= 31
    return high


def rdp(x: Int64, exponent: Int64 | int) -> Int64:
    """Division by `2^exponent`, nearest, ties away from zero; 0 from exponent 32 on."""
    exponent = np.asarray(exponent, dtype=np.int64)
    half = (np.int64(1) << exponent) >> 1
    nudge = np.where(exponent > 0, x >> 63, 0)
    shifted: Int64 = np.where(exponent < 32, (x + half + nudge) >> exponent, 0)
    return shifted


@dataclasses.dataclass(frozen=True, slots=True)
class Requant:
    """Multiplication of accumulators by a real scale, in integers.

    Args:
        multiplier: per output channel, or one for all; in [2^30, 2^31) or 0; from 2^29 on where a
            division cut it.
        shift: likewise; positive shifts left, in [-31, 30].
        rounding: the contract.

    Source: docs/numerics.md R3.
    """

    multiplier: tuple[int, ...]
    shift: tuple[int, ...]
    rounding: Rounding

    def __post_init__(self) -> None:
        """Check the ranges that the arithmetic relies on."""
        require(len(self.multiplier) == len(self.shift) > 0, "as many shifts as multipliers")
        require(all(m == 0 or 2**29 <= m <= INT32_MAX for m in self.multiplier), "multipliers of 30 bits")
        require(all(-31 <= s <= 30 for s in self.shift), "shifts in [-31, 30]")

    @property
    def max_left_shift(self) -> int:
        """The largest left shift of any channel."""
        return max(0, *self.shift)

    @property
    def arrays(self) -> tuple[Int64, Int64]:
        """Multipliers and shifts."""
        return np.array(self.multiplier, np.int64), np.array(self.shift, np.int64)

    def apply(self, v: Int64) -> Int64:
        """Requantize int32-valued `v`, channels last when there is more than one multiplier."""
        return requantize(v, *self.arrays, self.rounding)


def requantize(v: Int64, multiplier: Int64, shift: Int64, rounding: Rounding) -> Int64:
    """Int32-valued `v` times `multiplier * 2^(shift - 31)`, both of shapes that broadcast to that of `v`.

    Source: docs/numerics.md R3.
    """
    if rounding is Rounding.SINGLE:
        single: Int64 = (((v * multiplier) >> (30 - shift)) + 1) >> 1
        return single
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    if left.any():
        v = v << left
    high = dhm(v, multiplier)
    if not right.any():
        return high
    # rdp inlined without its general cases: right is at most 31 here.
    nudge = high >> 63
    if not right.all():
        nudge &= -(right > 0).astype(np.int64)
    nudge += (np.int64(1) << right) >> 1
    high += nudge
    high >>= right
    return high


def requant(scales: tuple[float, ...], rounding: Rounding) -> Requant:
    """The `Requant` of real scales, one per channel."""
    pairs = [quantize_multiplier(scale) for scale in scales]
    return Requant(tuple(m for m, _ in pairs), tuple(s for _, s in pairs), rounding)


def quantize_array(
    real: Float32, scale: float | Float64, zero_point: int, dtype: DType = DType.INT8
) -> Array:
    """Codes of real inputs, in IEEE single precision, so that the generated C gives the same codes.

    Args:
        real: finite float32.
        scale: float32-exact, one or an array that broadcasts.
        zero_point: the code of zero.
        dtype: of the codes, INT8 or INT16; INT32 of whole numbers, which are their own codes.

    Source: docs/numerics.md, R1.
    """
    if dtype is DType.INT32:
        whole = round_half_away_array(real.astype(np.float64) / scale) + zero_point
        return np.clip(whole, dtype.qmin, dtype.qmax).astype(dtype.numpy)
    limit = np.float32(quotient_limit(dtype))
    with np.errstate(over="ignore"):  # what becomes infinite is clipped
        ratio = np.clip(real.astype(np.float32) / np.asarray(scale, np.float32), -limit, limit)
    whole = np.trunc(ratio)
    # Exact: |ratio| <= 2^18, so the fraction has bits to spare.
    fraction = ratio - whole
    codes = whole.astype(np.int32) + (fraction >= 0.5) - (fraction <= -0.5) + zero_point
    clipped: Array = np.clip(codes, dtype.qmin, dtype.qmax).astype(dtype.numpy)
    return clipped


def quantize_tensor(real: Float32, quant: QuantParams) -> Array:
    """Codes of real values `[..., features]`, which may have a scale for each index of the last axis."""
    scale = quant.scale[0] if quant.axis is None else np.array(quant.scale)
    return quantize_array(real, scale, quant.zero_point, quant.dtype)


def quotient_limit(dtype: DType) -> int:
    """Where quotients of real values and scales are cut: four times the codes' range is beyond every code.

    >>> quotient_limit(DType.INT8)
    1024
    """
    assert dtype in CODE_TYPES, dtype  # float32 has no fractions beyond 2^23
    return 4 << dtype.bits


def dequantize_array(codes: Array, scale: float | Float64, zero_point: int) -> Float32:
    """Real values of codes: `(q - zero_point) * scale` in IEEE single precision."""
    real: Float32 = (codes.astype(np.int32) - zero_point).astype(np.float32) * np.asarray(scale, np.float32)
    return real

"""What convolution and fully connected layers share: scales, proofs, the sum and its requantization."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from mcuq.ir.integer import INT32_MAX, Requant, Rounding, quantize_multiplier, requant, requantize
from mcuq.ir.op import Clamp, LoweringRefusal, Operand
from mcuq.ir.types import (
    CODE_TYPES,
    OPTIONAL,
    Array,
    DType,
    Float64,
    Int8,
    Int32,
    Int64,
    QuantParams,
    Shape,
    freeze,
    require,
    require_codes,
    require_limits,
)
from mcuq.ops.accumulator import MAX_SHIFT, MAX_SUM, Accumulator, requantize_long

# The largest integer up to which every integer is exact in float32.
FLOAT32_EXACT = 2**24
# Where a result has to lie closer than this to an integer to be certain, most are doubtful.
_LEAST_CERTAIN = 0.375
# Elements of a row of scales that stays in a cache of a core.
_ROW_ELEMS = 1 << 14
# Elements of rows that stay there while they are rounded.
_BLOCK_ELEMS = 1 << 15


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class WeightedParams:
    """Integer parameters of `y = clamp(rq(bias + sum (x - x_zero_point) * w) + y_zero_point)`.

    Args:
        weights: int8, output channel first.
        bias: int32 `[M]`.
        requant: per output channel.
        x_zero_point: subtracted from every input code.
        y_zero_point: added to every output.
        lo: smallest output code.
        hi: largest output code.
        weight_type: in which the weights are stored, INT8 or INT4; in the program both are int8 arrays.
        x_type: of the input, INT8 or INT16, whose zero point is 0.
        y_type: of the output, likewise.
        accumulator: how sums are kept and requantized; INT64 for int16 inputs alone.
    """

    weights: Int8
    bias: Int32
    requant: Requant
    x_zero_point: int
    y_zero_point: int
    lo: int
    hi: int
    weight_type: DType = dataclasses.field(default=DType.INT8, metadata={OPTIONAL: True})
    x_type: DType = dataclasses.field(default=DType.INT8, metadata={OPTIONAL: True})
    y_type: DType = dataclasses.field(default=DType.INT8, metadata={OPTIONAL: True})
    accumulator: Accumulator = dataclasses.field(default=Accumulator.INT32, metadata={OPTIONAL: True})

    def __post_init__(self) -> None:
        """Check that the arrays belong together."""
        require(self.weight_type in (DType.INT8, DType.INT4), "int8 or int4 weights")
        require(self.weights.ndim >= 2 and self.weights.size > 0, "weights with output channels first")
        require(self.weights.dtype == np.int8 and self.bias.dtype == np.int32, "int8 weights, int32 bias")
        require_codes(int(self.weights.min()), int(self.weights.max()), dtype=self.weight_type)
        require(self.bias.shape == self.weights.shape[:1], "one bias per output channel")
        require(len(self.requant.multiplier) == len(self.bias), "one multiplier per output channel")
        self._check_types()

    def _check_types(self) -> None:
        """Check the types of input and output, the codes that are of these types, and the accumulator."""
        for dtype, zero_point in ((self.x_type, self.x_zero_point), (self.y_type, self.y_zero_point)):
            require(dtype in CODE_TYPES, "int8 or int16 inputs and outputs")
            require_codes(zero_point, dtype=dtype)
            require(dtype is DType.INT8 or zero_point == 0, "int16 around zero")
        require_limits(self.lo, self.hi, self.y_type)
        if self.accumulator is Accumulator.INT64:
            require(self.x_type is DType.INT16, "int16 inputs for sums of int64")
            require(self.requant.max_left_shift <= MAX_SHIFT, f"shifts of at most {MAX_SHIFT}")

    @property
    def folded_bias(self) -> Int64:
        """Biases `[M]` for sums of products with codes, with the input's zero point; within int32 (R6)."""
        taps = self.weights.reshape(len(self.weights), -1).astype(np.int64).sum(axis=1)
        folded: Int64 = self.bias.astype(np.int64) - self.x_zero_point * taps
        return folded

    def prove(self, lo: int, hi: int) -> None:
        """Prove again that no sum leaves int32, for inputs with codes in [lo, hi].

        Raises:
            ValueError: where one can.
        """
        x = Operand((), QuantParams((1.0,), self.x_zero_point, self.x_type), None, lo, hi)
        prove = prove_accumulator if self.accumulator is Accumulator.INT32 else prove_long_accumulator
        try:
            prove(x, self.weights, self.bias, self.requant)
        except LoweringRefusal as refusal:
            raise ValueError(refusal.title) from None

    def finish(self, acc: Array) -> Array:
        """Codes from exact sums `[..., M]` without bias."""
        if self.accumulator is Accumulator.INT64:
            y = requantize_long(acc.astype(np.int64) + self.bias, self.requant) + self.y_zero_point
            return np.clip(y, self.lo, self.hi).astype(self.y_type.numpy)
        if acc.dtype.kind == "f" and (limit := self._certain(acc.dtype.type)) > _LEAST_CERTAIN:
            return self._finish_real(acc, limit)
        v = acc.astype(np.int64)
        v += self.bias
        return finish(v, self.requant, self.y_zero_point, self.lo, self.hi, self.y_type)

    def centre(self, x: Array) -> Array:
        """`x - x_zero_point` in the narrowest float type in which every partial sum is exact."""
        dtype = np.float32 if _real_params(self).largest.max() < FLOAT32_EXACT else np.float64
        out: Array = x.astype(dtype)
        out -= dtype(self.x_zero_point)
        return out

    def _certain(self, dtype: type[np.floating]) -> float:
        """How far from its nearest integer the real result may lie so that this integer is the code.

        Less than a half by the first of two roundings, which moves the result by half a unit of
        `2^-right`, and by what is rounded in `dtype`: scale, offset, product and sum by half an epsilon each.
        The offset is a difference of numbers that may be larger than it by a code, of at most 128 or 32768.
        """
        real = _real_params(self)
        first = 0.5 * np.exp2(np.minimum(self.requant.arrays[1], 0))
        most = real.largest * real.scale + np.abs(real.offset) - self.y_type.qmin
        rounded = 2 * float(np.finfo(dtype).eps) * most
        return float((0.5 - first - rounded).min())

    def _finish_real(self, acc: Array, limit: float) -> Array:
        """The same codes several times faster: rounded reals, and integers where these are close to a tie."""
        # Rows of all channels of many positions: NumPy is slow along short axes.
        positions = _positions(acc.shape)
        rows = acc.reshape(-1, acc.shape[-1] * positions)
        params = _real_params(self)
        scale, offset = (
            np.tile(values.astype(acc.dtype), positions) for values in (params.scale, params.offset)
        )
        codes = np.empty(rows.shape, self.y_type.numpy)
        doubtful = []
        # Some rows at a time, which stay in a cache of a core between the passes over them.
        together = max(1, _BLOCK_ELEMS // max(1, rows.shape[1]))
        real = np.empty((min(together, len(rows)), rows.shape[1]), acc.dtype)
        nearest = np.empty_like(real)
        for first in range(0, len(rows), together):
            block = rows[first : first + together]
            found, rounded = real[: len(block)], nearest[: len(block)]
            np.multiply(block, scale, out=found)
            found += offset
            # What lies beyond a limit is that limit, however it is rounded: a quarter beyond is not doubtful.
            np.clip(found, self.lo - 0.25, self.hi + 0.25, out=found)
            np.rint(found, out=rounded)
            codes[first : first + together] = rounded
            found -= rounded
            np.abs(found, out=found)
            doubtful.append(np.flatnonzero(found > acc.dtype.type(limit)) + first * rows.shape[1])
        self._correct(codes.reshape(-1), rows.reshape(-1), np.concatenate(doubtful))
        result: Array = codes.reshape(acc.shape)
        return result

    def _correct(self, codes: Array, acc: Array, chosen: Int64) -> None:
        """Put the codes of chosen sums, of all channels in turn, in their places."""
        channel = chosen % len(self.bias)
        multiplier, shift = (values[channel] for values in self.requant.arrays)
        v = acc[chosen].astype(np.int64) + self.bias[channel]
        # Within the limits: what is beyond them is not doubtful.
        codes[chosen] = requantize(v, multiplier, shift, self.requant.rounding) + self.y_zero_point


def _positions(shape: Shape) -> int:
    """How many positions of sums `[..., M]` make a row, of as many whole axes as stay in the first cache."""
    positions = 1
    for extent in reversed(shape[:-1]):
        if positions * extent * shape[-1] > _ROW_ELEMS:
            break
        positions *= extent
    return positions


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _RealParams:
    """What is known of a layer's sums: a code is near `acc * scale + offset`.

    Args:
        scale: `[M]`.
        offset: bias and zero point, `[M]`.
        largest: what no partial sum of a channel exceeds in magnitude, whatever the input, `[M]`.
    """

    scale: Float64
    offset: Float64
    largest: Int64


@functools.lru_cache(maxsize=64)
def _real_params(params: WeightedParams) -> _RealParams:
    """Kept for a few layers: small layers run as fast as this is computed."""
    multiplier, shift = params.requant.arrays
    scale = multiplier * np.exp2(shift - 31.0)
    weights = params.weights.reshape(len(params.weights), -1).astype(np.int64)
    # Of int16 the zero point is 0.
    most = 255 if params.x_type is DType.INT8 else -DType.INT16.qmin
    return _RealParams(
        scale, params.bias * scale + params.y_zero_point, np.asarray(most * np.abs(weights).sum(axis=1))
    )


def finish(v: Int64, scale: Requant, zero_point: int, lo: int, hi: int, dtype: DType = DType.INT8) -> Array:
    """`clamp(rq(v) + zero_point, lo, hi)` as codes of a type."""
    y = scale.apply(v)
    y += zero_point
    np.clip(y, lo, hi, out=y)
    return y.astype(dtype.numpy)


def lower_weighted(
    x: Operand, w: Operand, b: Operand, y: Operand, clamp: Clamp, rounding: Rounding
) -> WeightedParams:
    """Integer parameters of a weighted layer, with the accumulator and shift proofs done.

    Sums are of int32 where they provably fit; of an int16 input otherwise of int64.

    Raises:
        LoweringRefusal: Q002 where a sum can leave int32, Q003 where a multiplier is out of range.
    """
    assert w.codes is not None and b.codes is not None
    channels = w.shape[0]
    scales = w.quant.scale if len(w.quant.scale) == channels else w.quant.scale * channels
    # float64, in this order: docs/numerics.md R1.
    real = tuple(x.quant.step * scale / y.quant.step for scale in scales)
    scale = checked_requant(real, rounding)
    accumulator = _chosen_accumulator(x, w.codes, b.codes, scale)
    lo, hi = clamp.codes(y.quant)
    return WeightedParams(
        weights=freeze(w.codes, "int8"),
        bias=freeze(b.codes, "int32"),
        requant=scale,
        x_zero_point=x.quant.zero_point,
        y_zero_point=y.quant.zero_point,
        lo=lo,
        hi=hi,
        x_type=x.quant.dtype,
        y_type=y.quant.dtype,
        accumulator=accumulator,
        weight_type=w.quant.dtype,
    )


def _chosen_accumulator(x: Operand, weights: Array, bias: Array, scale: Requant) -> Accumulator:
    """INT32 where it is proved, else INT64 where the input is int16."""
    try:
        prove_accumulator(x, weights, bias, scale)
    except LoweringRefusal:
        if x.quant.dtype is not DType.INT16:
            raise
        prove_long_accumulator(x, weights, bias, scale)
        return Accumulator.INT64
    return Accumulator.INT32


def checked_requant(real: Sequence[float], rounding: Rounding, largest: int = 0) -> Requant:
    """`requant` after a check that every scale has a multiplier and no left shift overflows.

    Args:
        real: effective scales.
        rounding: the contract.
        largest: the largest magnitude that will be requantized, 0 where the caller proves it.

    Raises:
        LoweringRefusal: Q003.
    """
    for channel, value in enumerate(real):
        shift = quantize_multiplier(float(value))[1] if np.isfinite(value) else 31
        if shift > 30 or (largest << max(shift, 0)) + 256 > INT32_MAX:
            raise LoweringRefusal(
                "Q003",
                "an effective scale is out of range",
                why=f"the scale is {value:g}: the output's range is too small for its inputs'",
                fix="calibrate with data for which the output is not always (nearly) zero",
                channel=channel if len(real) > 1 else None,
            )
    return requant(tuple(float(value) for value in real), rounding)


def prove_accumulator(x: Operand, weights: Array, bias: Array, scale: Requant) -> None:
    """Prove that no partial sum, in any order, leaves int32, also with the zero point folded into the bias.

    Source: docs/numerics.md, R6.
    """
    w = weights.reshape(len(weights), -1).astype(np.int64)
    start, z = bias.astype(np.int64), x.quant.zero_point
    high = np.maximum(w * (x.lo - z), w * (x.hi - z))
    low = np.minimum(w * (x.lo - z), w * (x.hi - z))
    # Every partial sum, with a centred input; a padded tap adds nothing.
    worst = [np.maximum(high, 0).sum(axis=1) + np.maximum(start, 0)]
    worst += [-(np.minimum(low, 0).sum(axis=1) + np.minimum(start, 0))]
    # The same with the zero point folded into the bias; a padded tap is the zero point's code.
    folded = start - z * w.sum(axis=1)
    worst += [np.maximum(np.maximum(w * x.lo, w * x.hi), 0).sum(axis=1) + np.maximum(folded, 0)]
    worst += [-(np.minimum(np.minimum(w * x.lo, w * x.hi), 0).sum(axis=1) + np.minimum(folded, 0))]
    # Only the whole sum is shifted left; padding can replace any tap by 0.
    left = np.int64(1) << np.maximum(np.array(scale.shift, np.int64), 0)
    whole = np.maximum(np.maximum(high, 0).sum(axis=1) + start, -(np.minimum(low, 0).sum(axis=1) + start))
    # The zero point is added to what is requantized: 256 leaves it room; that of int16 is 0.
    worst += [np.maximum(whole, 0) * left + 256]
    bound = np.max(worst, axis=0)
    channel = int(np.argmax(bound))
    if bound[channel] > INT32_MAX:
        raise LoweringRefusal(
            "Q002",
            "the int32 accumulator can overflow",
            why=f"the worst case is {int(bound[channel]):_}, the limit is {INT32_MAX:_}",
            fix=f"split the layer (it sums {w.shape[1]:_} products), or recalibrate for a smaller bias",
            channel=channel,
        )


def prove_long_accumulator(x: Operand, weights: Array, bias: Array, scale: Requant) -> None:
    """Prove that sums of int16 inputs stay within `MAX_SUM`, and that no scale shifts too far to the left.

    Source: docs/numerics.md, R6.
    """
    w = weights.reshape(len(weights), -1).astype(np.int64)
    bound = -x.quant.dtype.qmin * np.abs(w).sum(axis=1) + np.abs(bias.astype(np.int64))
    channel = int(np.argmax(bound))
    if bound[channel] > MAX_SUM or scale.max_left_shift > MAX_SHIFT:
        raise LoweringRefusal(
            "Q002",
            "the int64 accumulator can overflow",
            why=f"the worst case is {int(bound[channel]):_}, the limit is {MAX_SUM:_}; the largest shift to "
            f"the left is {scale.max_left_shift}, the limit is {MAX_SHIFT}",
            fix="quantize the input to int8, or calibrate with data for which the output is not nearly zero",
            channel=channel,
        )


__all__ = [
    "WeightedParams",
    "checked_requant",
    "finish",
    "lower_weighted",
    "prove_accumulator",
    "prove_long_accumulator",
]

"""Functions of one int8 code as TensorFlow Lite Micro computes them: each a table of 256 codes.

Source: TensorFlow Lite, `reference_integer_ops` and `reference_ops`, on gemmlowp's fixed point.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mcuq.ir.integer import (
    INT32_MAX,
    Rounding,
    quantize_multiplier,
    rdp,
    requantize,
    round_half_away_array,
)
from mcuq.ir.types import Int64, QuantParams
from mcuq.onnxio.refusal import unsupported
from mcuq.ops.softmax import exp_negative, one_minus_over_one_plus, one_over_one_plus
from mcuq.tflite.tensor import CONVERT_AGAIN

_INT16 = (-(1 << 15), (1 << 15) - 1)
# Integer bits of the arguments of sigmoid and tanh.
_INTEGER_BITS = 4


def _inputs(x: QuantParams) -> Int64:
    """Every code without its zero point."""
    return np.arange(-128, 128, dtype=np.int64) - x.zero_point


def _finished(values: Int64, zero_point: int) -> tuple[int, ...]:
    return tuple(int(each) for each in np.clip(values + zero_point, -128, 127))


def _scaled(v: Int64, scale: float) -> Int64:
    """Differences of codes times a real scale with the double rounding of requantization.

    Raises:
        Refused: M004 where a product leaves int32.
    """
    multiplier, shift = quantize_multiplier(scale) if math.isfinite(scale) else (0, 31)
    if shift > 22:
        raise unsupported(f"one of its scales is {scale:g}", CONVERT_AGAIN)
    return _times(v, multiplier, shift)


def _times(v: Int64, multiplier: int, shift: int) -> Int64:
    return requantize(v, np.asarray(multiplier, np.int64), np.asarray(shift, np.int64), Rounding.DOUBLE)


def _saturated(x: QuantParams, function: Callable[[Int64], Int64], bits: int) -> Int64:
    """A function of arguments in Q4.27, as codes of so many bits; ends where the arguments leave Q4.27."""
    v = _inputs(x)
    multiplier, shift = quantize_multiplier(min(x.step * 2.0 ** (31 - _INTEGER_BITS), 2.0**31 - 1))
    radius = int((((1 << _INTEGER_BITS) - 1) << (31 - _INTEGER_BITS)) / 2.0**shift)
    inside = np.clip(v, 1 - radius, radius - 1) if radius > 0 else v * 0
    codes = rdp(function(_times(inside, multiplier, shift)), 31 - bits)
    return np.where(v <= -radius, -(1 << 20), np.where(v >= radius, 1 << 20, codes))


def _sigmoid(a: Int64) -> Int64:
    positive = one_over_one_plus(exp_negative(-np.abs(a), _INTEGER_BITS))
    either = np.where(a > 0, positive, INT32_MAX - positive)
    return np.asarray(np.where(a == 0, 1 << 30, either))


def _tanh(a: Int64) -> Int64:
    # Twice a value of Q4.27 is the same integer in Q5.26.
    positive = one_minus_over_one_plus(exp_negative(-np.abs(a)))
    return np.sign(a) * positive


def logistic_codes(x: QuantParams, y: QuantParams) -> tuple[int, ...]:
    """LOGISTIC.

    Raises:
        Refused: M004 where the output's parameters are others than 1/256 and -128.
    """
    if (y.step, y.zero_point) != (1 / 256, -128):
        raise unsupported("its output has not scale 1/256 and zero point -128", CONVERT_AGAIN)
    return _finished(_saturated(x, _sigmoid, 8), -128)


def tanh_codes(x: QuantParams, y: QuantParams) -> tuple[int, ...]:
    """TANH.

    Raises:
        Refused: M004 where the output's parameters are others than 1/128 and 0.
    """
    if (y.step, y.zero_point) != (1 / 128, 0):
        raise unsupported("its output has not scale 1/128 and zero point 0", CONVERT_AGAIN)
    return _finished(_saturated(x, _tanh, 7), 0)


def leaky_relu_codes(x: QuantParams, y: QuantParams, alpha: float) -> tuple[int, ...]:
    """LEAKY_RELU; scales are multiplied and divided in float32.

    Raises:
        Refused: M004 for negative slopes, whose ties TensorFlow Lite rounds otherwise.
    """
    if alpha < 0:
        raise unsupported(f"its alpha is {alpha:g}", "use a slope that is not negative, or a float model")
    v, step = _inputs(x), np.float32(x.step)
    with np.errstate(over="ignore"):
        identity, below = (float(each / np.float32(y.step)) for each in (step, step * np.float32(alpha)))
    return _finished(np.where(v >= 0, _scaled(v, identity), _scaled(v, below)), y.zero_point)


def relu_codes(x: QuantParams, y: QuantParams) -> tuple[int, ...]:
    """RELU between tensors of different parameters; scales are divided in float32."""
    with np.errstate(over="ignore"):
        identity = float(np.float32(x.step) / np.float32(y.step))
    return _finished(np.maximum(_scaled(_inputs(x), identity), 0), y.zero_point)


def prelu_codes(x: QuantParams, y: QuantParams) -> tuple[int, ...]:
    """PRELU of what is not negative; the rest is zero."""
    return _finished(_scaled(np.maximum(_inputs(x), 0), x.step / y.step), y.zero_point)


def abs_codes(x: QuantParams, y: QuantParams) -> tuple[int, ...]:
    """ABS; scales are divided in float32, and equal ones not at all."""
    v = np.abs(_inputs(x))
    if x.step != y.step:
        with np.errstate(over="ignore"):
            v = _scaled(v, float(np.float32(x.step) / np.float32(y.step)))
    return _finished(v, y.zero_point)


def elu_codes(x: QuantParams, y: QuantParams) -> tuple[int, ...]:
    """ELU in float32, rounded half away from zero."""
    real = _inputs(x).astype(np.float32) * np.float32(x.step)
    below = np.exp(np.minimum(real, 0).astype(np.float64)).astype(np.float32) - np.float32(1)
    with np.errstate(over="ignore"):
        inverse = np.float32(1) / np.float32(y.step)
        ratio = np.clip(np.where(real < 0, below, real) * inverse, -1024, 1024)
    return _finished(round_half_away_array(ratio.astype(np.float64)).astype(np.int64), y.zero_point)


def hard_swish_codes(x: QuantParams, y: QuantParams) -> tuple[int, ...]:
    """HARD_SWISH, in int16.

    Raises:
        Refused: M004 where the output's scale is too small.
    """
    fine = np.float32(1) / np.float32(128) * np.float32(x.step)
    with np.errstate(over="ignore"):
        ratios = float(fine / np.float32(y.step)), float(fine / (np.float32(3) / np.float32(32768)))
    if not all(np.isfinite(ratios)):
        raise unsupported("its scales are too far apart", CONVERT_AGAIN)
    (out_multiplier, out_shift), (multiplier, shift) = (_int16_multiplier(each) for each in ratios)
    if out_shift > 0:
        raise unsupported("its output's scale is too small for its input's", CONVERT_AGAIN)
    wide = _inputs(x) << 7
    before = _high16(wide, out_multiplier)
    relu = np.clip(wide << (shift - 1), *_INT16) if shift > 0 else wide
    relu = _high16(relu, multiplier)
    if shift > 0:
        relu = np.clip(relu << 1, *_INT16)
    elif shift < 0:
        relu = rdp(relu, min(-shift, 31))
    relu = (relu + (1 << 15)) >> 1
    product = relu * before
    high = np.sign(product) * (np.abs(product) >> 15)
    return _finished(rdp(high, min(-out_shift, 31)), y.zero_point)


def _int16_multiplier(scale: float) -> tuple[int, int]:
    multiplier, shift = quantize_multiplier(scale)
    return min((multiplier + (1 << 15)) >> 16, _INT16[1]), min(shift, 30)


def _high16(a: Int64, b: int) -> Int64:
    """Rounded doubling high products of int16, ties away from zero."""
    product = a * b
    rounded = (np.abs(product) + (1 << 14)) >> 15
    # A negative tie goes up.
    rounded = np.where((product < 0) & (np.abs(product) & 0x7FFF == 1 << 14), rounded - 1, rounded)
    return np.asarray(np.clip(np.sign(product) * rounded, *_INT16))

"""What makes ONNX compute the integers of a program, inside float operators.

onnxruntime sums in single precision, which cannot tell a value just below a half from one just above. Sums of
codes are whole numbers below 2^24 and therefore exact in it; they are requantized in double precision, where
products with 31-bit multipliers lose nothing that matters, and become real values again behind that.

Source: docs/numerics.md, R3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.types import Array, Float64
from mcuq.onnxio.export.qdq_writer import QdqWriter
from mcuq.onnxio.standard import DOUBLE, FLOAT


def whole(writer: QdqWriter, x: str, scale: Array | float) -> str:
    """Real values divided by their scale, whole numbers in single precision.

    Args:
        writer: the model under construction.
        x: values that are codes, less their zero point, times the scale.
        scale: one, or several that broadcast.
    """
    inverse = writer.constant(np.asarray(1.0 / np.asarray(scale, np.float64), np.float32))
    return writer.node("Round", [writer.node("Mul", [x, inverse])])


def to_double(writer: QdqWriter, x: str) -> str:
    """The same values in double precision."""
    return writer.node("Cast", [x], to=DOUBLE)


def requantized(writer: QdqWriter, total: str, requant: Requant, shape: Sequence[int] = ()) -> str:
    """Sums as codes less their zero point.

    Args:
        writer: the model under construction.
        total: whole numbers in double precision.
        requant: the multipliers, one or one per channel.
        shape: of several multipliers, so that they broadcast.
    """
    shift = np.array(requant.shift, np.float64)
    is_double = requant.rounding is Rounding.DOUBLE
    right = np.maximum(-shift, 0.0) * is_double
    factor = np.array(requant.multiplier, np.float64) * 2.0 ** (shift + right - 31.0)
    y = scaled_half_up(writer, total, factor, shape)
    if not right.any():
        return y
    y = writer.node("Mul", [y, _constant(writer, 2.0**-right, shape)])
    return half_away(writer, y)


def scaled_half_up(writer: QdqWriter, total: str, factor: Float64, shape: Sequence[int] = ()) -> str:
    """Products with factors, to the nearest whole number, ties up.

    Args:
        writer: the model under construction.
        total: whole numbers in double precision.
        factor: one or one per channel.
        shape: of several factors, so that they broadcast.
    """
    return _floor_half_up(writer, writer.node("Mul", [total, _constant(writer, factor, shape)]))


def half_away(writer: QdqWriter, y: str) -> str:
    """Values in double precision to the nearest whole number, ties away from zero."""
    size = _floor_half_up(writer, writer.node("Abs", [y]))
    return writer.node("Mul", [writer.node("Sign", [y]), size])


def real(writer: QdqWriter, codes: str, scale: float) -> str:
    """Codes less their zero point as real values in single precision."""
    single = writer.node("Cast", [codes], to=FLOAT)
    return writer.node("Mul", [single, writer.constant(np.array(scale, np.float32))])


def _floor_half_up(writer: QdqWriter, x: str) -> str:
    half = writer.exact(np.array(0.5))
    return writer.node("Floor", [writer.node("Add", [x, half])])


def _constant(writer: QdqWriter, values: Float64, shape: Sequence[int]) -> str:
    """One value where all are equal."""
    is_one = bool((values == values[0]).all())
    return writer.exact(values[0].reshape(()) if is_one else values.reshape(shape))


def add_from_code_zero(writer: QdqWriter, y: str, step: float, zero_point: int, taps: int) -> str:
    """Real values moved a little away from that of code 0, so that ties go away from it.

    Args:
        writer: the model under construction.
        y: means of codes with n <= taps values.
        step: the scale of the codes.
        zero_point: the code of real zero.
        taps: the most values of a mean; other means are at least 1 / (2 n) away from a tie.
    """
    if writer.is_plain:
        return y
    code_zero = writer.constant(np.array(step * zero_point, np.float32))
    sign = writer.node("Sign", [writer.node("Add", [y, code_zero])])
    offset = writer.constant(np.array(step / (8.0 * taps), np.float32))
    return writer.node("Add", [y, writer.node("Mul", [sign, offset])])

"""What makes QuantizeLinear, which rounds once and half to even, round as the program does.

Source: docs/numerics.md, R3. With the contract `double` a real value in codes is rounded to multiples of
2^-r first, for a right shift by r, and both roundings go away from zero at a tie. So the value is rounded
away from 2^-(r+1) below each half on: adding 2^-(r+1) with the sign of the value does the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.types import Float64
from mcuq.onnxio.quantized.writer import QdqWriter


def rounding_offset(requant: Requant, y_scale: float) -> Float64:
    """What is added to the magnitude of real values before they are quantized, one per channel or one.

    Args:
        requant: of the step.
        y_scale: of its output.
    """
    right = np.maximum(-np.array(requant.shift, np.int64), 0)
    offset = np.where(right > 0, 2.0 ** -(right + 1.0), 0.0)
    is_double = requant.rounding is Rounding.DOUBLE
    return np.asarray(y_scale * offset * is_double)


def add_to_bias(writer: QdqWriter, bias: str, offset: Float64) -> str:
    """The bias of a layer that gives no negative values, with the offset."""
    if writer.is_plain or not offset.any():
        return bias
    return writer.node("Add", [bias, writer.constant(offset)])


def add_with_sign(writer: QdqWriter, y: str, offset: Float64, shape: Sequence[int]) -> str:
    """Real values with the offset away from zero.

    Args:
        writer: the model under construction.
        y: the values.
        offset: per channel or one.
        shape: of the offset, so that it broadcasts.
    """
    if writer.is_plain or not offset.any():
        return y
    sign = writer.node("Sign", [y])
    offset = offset if (offset != offset[0]).any() else offset[:1]
    constant = writer.constant(offset.reshape(shape if offset.size > 1 else ()))
    return writer.node("Add", [y, writer.node("Mul", [sign, constant])])


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

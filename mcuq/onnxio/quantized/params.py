"""Scales and zero points of the file, checked and moved to signed types."""

from __future__ import annotations

import dataclasses

import numpy as np

from mcuq.ir.types import FLOAT32_MAX, Array, DType, Float32, QuantParams, freeze
from mcuq.onnxio.refusal import Refused, quoted, unsupported

_TINY = float(np.finfo(np.float32).tiny)
_AGAIN = "quantize the model again"


@dataclasses.dataclass(frozen=True, slots=True)
class CodeType:
    """An integer type of the file.

    Args:
        name: as NumPy and ONNX call it.
        dtype: the type that mcuq keeps the codes in.
        move: added to codes and zero points, so that real values stay what they are.
        bits: of weights that are stored so.
    """

    name: str
    dtype: DType
    move: int = 0
    bits: int = 8


# Four bits fit into eight as they are; unsigned types are moved by half their range, exactly.
_CODE_TYPES = {
    "int8": CodeType("int8", DType.INT8),
    "uint8": CodeType("uint8", DType.INT8, -128),
    "int16": CodeType("int16", DType.INT16, bits=16),
    "uint16": CodeType("uint16", DType.INT16, -32768, bits=16),
    "int32": CodeType("int32", DType.INT32),
    "int4": CodeType("int4", DType.INT8, bits=4),
    "uint4": CodeType("uint4", DType.INT8, bits=4),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Grid:
    """The codes of one activation.

    Args:
        params: as mcuq keeps them.
        code: the type in the file.
    """

    params: QuantParams
    code: CodeType

    def real(self, code: float) -> float:
        """The real value of a code of the file."""
        return self.params.step * (code + self.code.move - self.params.zero_point)


def code_type(name: str, role: str) -> CodeType:
    """The integer type of a tensor of codes.

    Raises:
        Refused: M004 for types that no kernel computes with.
    """
    if name not in _CODE_TYPES:
        raise unsupported(f"its {role} is {name}", "quantize to 8 bits")
    return _CODE_TYPES[name]


def read_scale(array: Array, name: str) -> Float32:
    """Scales as a vector of float32, each positive, finite and normal, and so its largest product.

    Raises:
        Refused: M002 or Q005.
    """
    if array.ndim > 1:
        raise unsupported(
            f"its scale {quoted(name)} has shape {array.shape}", "use one scale, or one per channel"
        )
    if array.dtype.kind not in "fV" or array.size == 0:
        why = f"its scale {quoted(name)} has type {array.dtype} and shape {array.shape}"
        raise Refused("M002", why, "export the model again")
    scale: Float32 = array.astype(np.float32).reshape(-1)
    for index, value in enumerate(scale.tolist()):
        # Also false for NaN.
        if not _TINY <= value <= FLOAT32_MAX / 256:
            which = f"scale {index} of {quoted(name)}" if scale.size > 1 else f"scale {quoted(name)}"
            raise Refused("Q005", f"its {which} is {value:g}, expected a positive normal number", _AGAIN)
    return scale


def read_zero_point(array: Array | None, code: CodeType, count: int, name: str) -> Array:
    """Zero points `[count]` moved to the signed type; zero of the file's type where they are left out.

    Raises:
        Refused: M002 or Q005.
    """
    if array is None:
        return freeze(np.full(count, code.move), "int64")
    if array.dtype.name != code.name or array.size not in (1, count) or array.ndim > 1:
        why = (
            f"its zero point {quoted(name)} is {array.dtype.name} of shape {array.shape}, "
            f"expected {count} of {code.name}"
        )
        raise Refused("Q005", why, _AGAIN)
    values = array.astype(np.int64).reshape(-1)
    if code.dtype is DType.INT32 and values.any():
        raise Refused("Q005", f"its zero point {quoted(name)} is {values[0]}, that of a bias is 0", _AGAIN)
    return freeze(np.broadcast_to(values, (count,)) + code.move)


def activation_grid(scale: Float32, zero_point: Array, code: CodeType, name: str) -> Grid:
    """The grid of an activation: one scale, 8 bits, or 16 around zero.

    Raises:
        Refused: M004.
    """
    if scale.size != 1:
        raise unsupported(
            f"the activation {quoted(name)} has {scale.size} scales", "quantize activations per tensor"
        )
    if code.bits == 4 or code.dtype is DType.INT32:
        raise unsupported(
            f"the activation {quoted(name)} is quantized to {code.name}", "quantize activations to 8 bits"
        )
    if code.dtype is DType.INT16 and zero_point[0]:
        raise unsupported(
            f"the activation {quoted(name)} is {code.name} with zero point {int(zero_point[0]) - code.move}",
            f"quantize activations of 16 bits symmetrically: zero point {-code.move}",
        )
    return Grid(QuantParams((float(scale[0]),), int(zero_point[0]), code.dtype), code)


def quantize_constant(values: Array, scale: Float32, zero_point: Array, axis: int, code: CodeType) -> Array:
    """The codes that QuantizeLinear computes when the model is loaded, moved to the signed type.

    Float32 division, ties to even, saturation. Source: ONNX, QuantizeLinear.
    """
    shape = [-1 if each == axis and scale.size > 1 else 1 for each in range(values.ndim)]
    lo, hi = np.iinfo(np.int8).min, np.iinfo(np.int8).max
    if code.dtype is DType.INT16:
        lo, hi = np.iinfo(np.int16).min, np.iinfo(np.int16).max
    if code.name in ("int4", "uint4"):
        lo, hi = (-8, 7) if code.name == "int4" else (0, 15)
    if code.dtype is DType.INT32:
        lo, hi = np.iinfo(np.int32).min, np.iinfo(np.int32).max
    with np.errstate(over="ignore"):
        ratio = np.rint(values.astype(np.float32) / scale.reshape(shape)).astype(np.float64)
    return freeze(np.clip(ratio + zero_point.reshape(shape), lo, hi), code.dtype.numpy)


def dequantize_constant(codes: Array, scale: Float32, zero_point: Array, axis: int) -> Float32:
    """`(q - z) * s` in float32. Source: ONNX, DequantizeLinear."""
    shape = [-1 if each == axis and scale.size > 1 else 1 for each in range(codes.ndim)]
    centred = codes.astype(np.int64) - zero_point.reshape(shape)
    real: Float32 = centred.astype(np.float32) * scale.reshape(shape)
    return real

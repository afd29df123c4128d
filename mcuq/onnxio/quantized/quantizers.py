"""What a QuantizeLinear or DequantizeLinear says: the grid of an activation, the codes of a constant."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from mcuq.ir.encodings import ConstantEncoding
from mcuq.ir.types import Array, Float32, freeze
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.quantized.constants import Constants
from mcuq.onnxio.quantized.params import (
    Grid,
    activation_grid,
    code_type,
    dequantize_constant,
    quantize_constant,
    read_scale,
    read_zero_point,
)
from mcuq.onnxio.refusal import Refused, quoted, unsupported


def read_grid(node: OnnxNode, name: str, kind: str | None, constants: Constants) -> Grid:
    """The parameters that a node has for an activation.

    Args:
        node: QuantizeLinear or DequantizeLinear.
        name: of the activation.
        kind: the type of its codes, None where the node has to say it.
        constants: of the file.

    Raises:
        Refused: M002, M004 or Q005.
    """
    _refuse_blocks(node)
    scale, zero, zero_name = _operands(node, constants)
    code = code_type(kind or _code_type(node, zero), "type")
    zero_point = read_zero_point(zero, code, scale.size, zero_name)
    return activation_grid(scale, zero_point, code, name)


def read_codes(node: OnnxNode, constants: Constants) -> Array:
    """The codes that a QuantizeLinear of a constant computes, as TensorRT and Brevitas write weights.

    They are those that the file would have, so that DequantizeLinear reads them like any others.

    Raises:
        Refused: M002, M004 or Q005.
    """
    values = constants.value(node.inputs[0])
    scale, zero, zero_name = _operands(node, constants)
    code = code_type(_code_type(node, zero), "type")
    zero_point = read_zero_point(zero, code, scale.size, zero_name)
    axis = _scale_axis(node, values, scale.size)
    codes = quantize_constant(values, scale, zero_point, axis, code)
    return freeze(codes.astype(np.int64) - code.move, _stored_type(code.name))


def read_constant(node: OnnxNode, constants: Constants) -> tuple[ConstantEncoding, Float32]:
    """The codes that a DequantizeLinear of a constant reads, and their real values.

    Raises:
        Refused: M002, M004 or Q005.
    """
    _refuse_blocks(node)
    name = node.inputs[0]
    stored = constants.value(name)
    code = code_type(stored.dtype.name, f"constant {quoted(name)}")
    scale, zero, zero_name = _operands(node, constants)
    zero_point = read_zero_point(zero, code, scale.size, zero_name)
    axis = _scale_axis(node, stored, scale.size)
    codes = freeze(stored.astype(np.int64) + code.move, code.dtype.numpy)
    encoding = ConstantEncoding(
        scale=tuple(float(value) for value in scale),
        zero_point=tuple(int(value) for value in zero_point),
        axis=axis if scale.size > 1 else None,
        codes=codes,
        bits=code.bits,
    )
    return encoding, dequantize_constant(codes, scale, zero_point, axis)


def _refuse_blocks(node: OnnxNode) -> None:
    if node.get_int("block_size", 0):
        raise unsupported("it has a scale per block", "quantize per tensor or per channel")


def _operands(node: OnnxNode, constants: Constants) -> tuple[Float32, Array | None, str]:
    """Scales, zero points where they are given, and the name of the latter."""
    scale_name, zero_name = node.input(1) or "", node.input(2)
    scale = read_scale(constants.value(scale_name), scale_name)
    return scale, None if zero_name is None else constants.value(zero_name), zero_name or ""


def _code_type(node: OnnxNode, zero: Array | None) -> str:
    """The type that QuantizeLinear gives: that of its zero point, else what an attribute says."""
    if zero is not None:
        return str(zero.dtype.name)
    kind = node.get_int("output_dtype", 0)
    return str(helper.tensor_dtype_to_np_dtype(kind).name) if kind else "uint8"


def _stored_type(name: str) -> np.dtype[np.generic]:
    """The NumPy type of codes as onnx gives it."""
    kind = getattr(onnx.TensorProto, name.upper())
    found: np.dtype[np.generic] = np.dtype(helper.tensor_dtype_to_np_dtype(kind))
    return found


def _scale_axis(node: OnnxNode, constant: Array, scales: int) -> int:
    """The axis of the scales of a constant, which has as many values along it."""
    rank = constant.ndim
    axis = node.get_int("axis", 1)
    axis += rank if axis < 0 else 0
    if rank == 1:
        axis = 0
    if scales > 1 and not 0 <= axis < rank:
        raise Refused("M002", f"its axis {axis} does not fit a constant of {rank} axes", "export again")
    if scales > 1 and constant.shape[axis] != scales:
        why = f"{scales} scales for axis {axis} of {quoted(node.inputs[0])}, which has shape {constant.shape}"
        raise Refused("Q005", why, "quantize the model again")
    return axis

"""Between real values in the model's layout and codes in the device's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mcuq.ir.integer import dequantize_array, quantize_tensor
from mcuq.ir.program import Program, ProgramPort
from mcuq.ir.types import Array, Float32


def to_device(program: Program, port: ProgramPort, values: Array) -> Array:
    """`[samples, *model shape]` to `[samples, *device shape]`, any element type."""
    moved = values.transpose(0, *(axis + 1 for axis in port.perm))
    return np.ascontiguousarray(moved).reshape(len(values), *program.tensors[port.tensor].shape)


def to_model(port: ProgramPort, values: Array) -> Array:
    """`[samples, *device shape]` to `[samples, *model shape]`, any element type."""
    moved = values.reshape(len(values), *(port.model_shape[axis] for axis in port.perm))
    return np.ascontiguousarray(moved.transpose(0, *(axis + 1 for axis in np.argsort(port.perm))))


def quantize_inputs(program: Program, values: Mapping[str, Float32]) -> tuple[Array, ...]:
    """Codes per input port, `[samples, *device shape]`, of real values by name in the model's layout."""
    codes = []
    for port in program.inputs:
        quant = program.tensors[port.tensor].quant
        real = to_device(program, port, values[port.name])
        codes.append(quantize_tensor(real, quant))
    return tuple(codes)


def dequantize_outputs(program: Program, codes: Sequence[Array]) -> dict[str, Float32]:
    """Real values by output name in the model's layout, `[samples, *model shape]`."""
    values = {}
    for port, array in zip(program.outputs, codes, strict=True):
        quant = program.tensors[port.tensor].quant
        values[port.name] = to_model(port, dequantize_array(array, quant.step, quant.zero_point))
    return values

"""Bounds of every element of every tensor that hold for all inputs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mcuq.ir.channels import Bounds
from mcuq.ir.program import Program


def program_bounds(program: Program) -> dict[int, Bounds]:
    """Bounds of what every step computes, from all codes at the model's inputs and in its state.

    Returns:
        By the tensor that owns the memory, in its shape.

    Source: docs/numerics.md, R7.
    """
    found = {}
    given = [port.tensor for port in program.inputs] + [state.before for state in program.state]
    for tensor in given:
        owner = program.tensors[program.storage(tensor)]
        dtype = owner.quant.dtype
        codes = (dtype.qmin, dtype.qmax)
        found[owner.storage] = Bounds(*(np.full(owner.shape, code, dtype.numpy) for code in codes))
    for step in program.steps:
        outputs = step.op.output_bounds(*(view_bounds(program, found, tensor) for tensor in step.inputs))
        for output, bounds in zip(step.outputs, outputs, strict=True):
            owner = program.tensors[program.storage(output)]
            found[owner.storage] = bounds.reshape(owner.shape)
    return found


def view_bounds(program: Program, bounds: Mapping[int, Bounds], tensor: int) -> Bounds:
    """Bounds of a tensor in its own shape."""
    return bounds[program.storage(tensor)].reshape(program.tensors[tensor].shape)

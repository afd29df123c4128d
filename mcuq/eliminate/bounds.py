"""Bounds of every element of every tensor that hold for all inputs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mcuq.ir.channels import Bounds
from mcuq.ir.program import CodeRange, Program
from mcuq.ir.state import state_codes


def program_bounds(program: Program) -> dict[int, Bounds]:
    """Bounds of what every step computes, from all codes of inputs and all that state can hold.

    Returns:
        By the tensor that owns the memory, in its shape.

    Source: docs/numerics.md, R7.
    """
    found = {}
    given: list[tuple[int, CodeRange | None]] = [(port.tensor, None) for port in program.inputs]
    given += [(state.before, state_codes(program.steps, program.tensors, state)) for state in program.state]
    for tensor, limits in given:
        owner = program.tensors[program.storage(tensor)]
        dtype = owner.quant.dtype
        codes = limits or (dtype.qmin, dtype.qmax)
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

"""What the portable kernels of recurrent layers share: parameters as their C structs hold them."""

from __future__ import annotations

import numpy as np

from mcuq.ir.integer import Requant
from mcuq.ir.plan import CArray
from mcuq.ir.types import freeze
from mcuq.kernels.fields import Fields
from mcuq.ops.recurrent import TANH_TABLE, GateSums, Initial


def tanh_array() -> CArray:
    """The table of all gates' functions."""
    return CArray("tanh", TANH_TABLE, "tanh(k / 32) in Q0.15")


def scale_arrays(requant: Requant, multiplier: str, shift: str) -> tuple[CArray, ...]:
    """Multipliers and shifts of rows, under the names of two members."""
    return (
        CArray(multiplier, freeze(np.array(requant.multiplier, np.int32)), "multipliers"),
        CArray(shift, freeze(np.array(requant.shift, np.int8)), "shifts, positive is left"),
    )


def sum_arrays(sums: GateSums, of: str, multiplier: str, shift: str) -> tuple[CArray, ...]:
    """Weights, bias, multipliers and shifts of the sums of an operand."""
    weights = CArray(f"{of}_weights", sums.weights.reshape(-1), f"weights {list(sums.weights.shape)}")
    bias = CArray(f"{of}_bias", sums.bias, "bias")
    return (weights, bias, *scale_arrays(sums.requant, multiplier, shift))


def scale_fields(requant: Requant, of: str) -> Fields:
    """The one multiplier and shift of a state."""
    return ((f"{of}_multiplier", requant.multiplier[0]), (f"{of}_shift", requant.shift[0]))


def initial_fields(initial: Initial | None, of: str) -> Fields:
    """How a state to begin with is read; zeros where there is none."""
    if initial is None:
        return ((f"{of}_zero_point", 0), (f"{of}_multiplier", 0), (f"{of}_shift", 0))
    return ((f"{of}_zero_point", initial.zero_point), *scale_fields(initial.requant, of))

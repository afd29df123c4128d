"""What the kernels of recurrent layers for DSP cores share: rows of weights in fours, and their terms."""

from __future__ import annotations

import numpy as np

from mcuq.ir.integer import Requant
from mcuq.ir.plan import CArray
from mcuq.ir.types import Array, Int64, freeze
from mcuq.kernels.armv7em.linear import pack_fours
from mcuq.kernels.fields import round_up
from mcuq.kernels.portable.recurrent import scale_arrays
from mcuq.ops.recurrent import GateSums


def wide_bytes(*counts: int) -> int:
    """Bytes of rows of so many codes as halves."""
    return sum(2 * round_up(count, 8) for count in counts)


def gates_apart(gates: int, units: int) -> Int64:
    """Rows `[gates][units]`, units filled up to a multiple of 4 with rows of -1.

    >>> gates_apart(2, 3).tolist()
    [0, 1, 2, -1, 3, 4, 5, -1]
    """
    rows: Int64 = np.full((gates, round_up(units, 4)), -1, np.int64)
    rows[:, :units] = np.arange(gates * units).reshape(gates, units)
    return rows.reshape(-1)


def gates_together(gates: int, units: int) -> Int64:
    """Rows `[gates][units]` as `[units][gates]`.

    >>> gates_together(4, 2).tolist()
    [0, 2, 4, 6, 1, 3, 5, 7]
    """
    rows: Int64 = np.arange(gates * units).reshape(gates, units).T.reshape(-1)
    return rows


def packed_sums(sums: GateSums, rows: Int64, of: str, multiplier: str, shift: str) -> tuple[CArray, ...]:
    """Weights, bias, multipliers and shifts of the sums of an operand, as mcuq_recurrent_dsp.h reads them.

    Args:
        sums: `[M, K]`.
        rows: their order, a multiple of four; -1 is a row of zeros.
        of: the operand's name in the struct.
        multiplier: the member of multipliers.
        shift: the member of shifts.
    """
    is_real = rows >= 0

    def placed(values: Array) -> Array:
        found: Array = np.zeros((len(rows), *values.shape[1:]), np.int64)
        found[is_real] = values[rows[is_real]]
        return found

    weights = placed(sums.weights)
    # Modulo 2^32, as the kernel adds; the whole sum is within int32.
    folded = placed(sums.bias) - sums.zero_point * weights.sum(axis=1)
    multipliers, shifts = (placed(each).tolist() for each in sums.requant.arrays)
    requant = Requant(tuple(multipliers), tuple(shifts), sums.requant.rounding)
    packed = pack_fours(weights.astype(np.int8)).reshape(-1)
    return (
        CArray(f"{of}_weights", freeze(packed), f"weights {list(sums.weights.shape)}, four rows interleaved"),
        CArray(f"{of}_bias", freeze(folded.astype(np.uint32).view(np.int32)), "bias, zero points folded in"),
        *scale_arrays(requant, multiplier, shift),
    )

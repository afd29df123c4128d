"""Sums of products that are wider than int32, and their requantization."""

from __future__ import annotations

import enum

import numpy as np

from mcuq.ir.integer import Requant
from mcuq.ir.types import Int64

# No sum of int64 leaves this magnitude: times a multiplier of 15 bits it is below 2^63.
MAX_SUM = 2**47
# A larger shift to the left would leave no bit to round.
MAX_SHIFT = 14


class Accumulator(enum.Enum):
    """How sums of products are kept and requantized. Source: docs/numerics.md, R3."""

    INT32 = "acc32"  # proved to fit int32, then requantized as all sums are
    INT64 = "acc64"  # kept in int64, then multiplied by 15 bits and rounded once, as TensorFlow Lite does


def short_multipliers(scale: Requant) -> Int64:
    """Multipliers of 15 bits for sums of int64, `[M]`: rounded, at most 0x7FFF.

    >>> from mcuq.ir.integer import Rounding
    >>> short_multipliers(Requant((2**30, 2**31 - 1), (0, 0), Rounding.DOUBLE)).tolist()
    [16384, 32767]
    """
    multiplier, _ = scale.arrays
    return np.asarray(np.minimum((multiplier + (1 << 15)) >> 16, 0x7FFF))


def stored_multipliers(scale: Requant, accumulator: Accumulator) -> Int64:
    """The multipliers that kernels read, `[M]`: of 15 bits where sums are int64."""
    if accumulator is Accumulator.INT64:
        return short_multipliers(scale)
    return np.asarray(scale.arrays[0])


def requantize_long(acc: Int64, scale: Requant) -> Int64:
    """`(((acc * rm) >> (14 - shift)) + 1) >> 1` with `rm` of `short_multipliers`, channels last.

    Args:
        acc: within `MAX_SUM`.
        scale: shifts of at most `MAX_SHIFT`.
    """
    _, shift = scale.arrays
    halves = (acc * short_multipliers(scale)) >> (14 - shift)
    rounded: Int64 = (halves + 1) >> 1
    return rounded

"""What the portable kernels of weighted layers share: parameters as their C structs hold them."""

from __future__ import annotations

import numpy as np

from mcuq.ir.plan import CArray
from mcuq.ir.types import Array, DType, Int8, freeze
from mcuq.kernels.fields import Fields, limit_fields
from mcuq.ops.weighted import WeightedParams


def code_fields(params: WeightedParams) -> Fields:
    """Zero points and limits."""
    zero_points = (("x_zero_point", params.x_zero_point), ("y_zero_point", params.y_zero_point))
    return (*zero_points, *limit_fields(params))


def stored_weights(weights: Array, kind: DType) -> CArray:
    """Weights one after the other, of four bits two in a byte, the first in its low bits.

    Args:
        weights: int8 in the kernel's order.
        kind: INT8 or INT4.

    Source: docs/numerics.md, R1.
    """
    comment = f"weights {list(weights.shape)}"
    if kind is DType.INT8:
        return CArray("weights", freeze(weights.reshape(-1)), comment)
    return CArray("weights", freeze(pack_nibbles(weights)), f"{comment}, two in a byte")


def pack_nibbles(weights: Array) -> Int8:
    """Codes of -8 to 7, two in each byte; a last one by itself has 0 beside it.

    >>> pack_nibbles(np.array([1, -1, 7], np.int8))
    array([-15,   7], dtype=int8)
    """
    bits = weights.reshape(-1).view(np.uint8) & 15
    pairs = np.append(bits, np.zeros(len(bits) % 2, np.uint8)).reshape(-1, 2)
    return np.asarray(pairs[:, 0] | pairs[:, 1] << 4).astype(np.uint8).view(np.int8)


def channel_arrays(params: WeightedParams) -> tuple[CArray, ...]:
    """What a kernel reads per channel."""
    return (
        CArray("bias", params.bias, "bias"),
        CArray("multiplier", freeze(np.array(params.requant.multiplier, np.int32)), "multipliers"),
        CArray("shift", freeze(np.array(params.requant.shift, np.int8)), "shifts, positive is left"),
    )

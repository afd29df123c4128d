"""Weights of four bits of four channels in one halfword, for kernels of DSP cores.

See mcuq_gemm_w4.h of int8, mcuq_fours_s16.h of int16.
"""

from __future__ import annotations

import numpy as np

from mcuq.ir.types import Array, Int8
from mcuq.kernels.armv7em.paired import paired_channels
from mcuq.kernels.fields import round_up
from mcuq.ops.weighted import WeightedParams


def quads_refusal(params: WeightedParams) -> str | None:
    """Why sums of a step may not be taken of all its codes at once, or None; its channels have words."""
    parts = max(paired_channels(params).odd)
    return f"sums of {parts} parts would have to be added up, the kernel takes one" if parts > 1 else None


def pack_quads(weights: Int8, group: int) -> Int8:
    """`[M, K]` as halfwords `[M / group, K / 4, parity, group / 4, half]`: codes 0, 2 of four before 1, 3.

    A halfword holds `a + 8`, `b + 8`, `c + 8` and `d` of four channels, from its lowest bits on. M is filled
    up to a multiple of the group, K to one of 4.

    Args:
        weights: codes of -8 to 7.
        group: 4 or 8.
    """
    halves = _halfwords(weights, group, (8, 8, 8, 0))
    split = halves.reshape(4 * len(halves) // group, group // 4, -1, 2, 2)  # group, four, codes, half, parity
    packed = np.ascontiguousarray(split.transpose(0, 2, 4, 1, 3)).astype("<u2")
    return packed.reshape(-1).view(np.int8)


def pack_signed_quads(weights: Int8) -> Int8:
    """`[M, K]` as halfwords `[M / 4, K]` that hold `a + 8`, `b`, `c + 8` and `d`, filled up alike.

    >>> pack_signed_quads(np.array([[1], [-1], [7], [-8]], np.int8)).view(np.uint8).tolist()
    [249, 143, 8, 8, 8, 8, 8, 8]
    """
    return _halfwords(weights, 4, (8, 0, 8, 0)).astype("<u2").reshape(-1).view(np.int8)


def _halfwords(weights: Int8, group: int, more: tuple[int, ...]) -> Array:
    """`[M / 4, K]`: four channels, of which each has as much more, from the lowest bits on."""
    m, k = weights.shape
    wide: Array = np.zeros((round_up(m, group), round_up(k, 4)), np.int32)
    wide[:m, :k] = weights
    nibbles = (wide.reshape(-1, 4, wide.shape[1]) + np.reshape(more, (1, 4, 1))) & 15
    found: Array = (nibbles << np.reshape([0, 4, 8, 12], (1, 4, 1))).sum(axis=1)
    return found

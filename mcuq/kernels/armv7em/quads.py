"""Weights of four bits of four channels in one halfword, for kernels of DSP cores; see mcuq_gemm_w4.h."""

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
    m, k = weights.shape
    wide: Array = np.zeros((round_up(m, group), round_up(k, 4)), np.int32)
    wide[:m, :k] = weights
    a, b, c, d = (wide[index::4] for index in range(4))
    halves = (a + 8) | (b + 8) << 4 | (c + 8) << 8 | (d & 15) << 12
    split = halves.reshape(len(wide) // group, group // 4, -1, 2, 2)  # group, four, codes, half, parity
    packed = np.ascontiguousarray(split.transpose(0, 2, 4, 1, 3)).astype("<u2")
    return packed.reshape(-1).view(np.int8)

"""What kernels share that compute several channels of several windows at a time."""

from __future__ import annotations

import numpy as np

from mcuq.ir.plan import CArray
from mcuq.ir.types import Int8, freeze
from mcuq.ops.weighted import WeightedParams


def pack_fours(weights: Int8, groups: int) -> Int8:
    """`[M, K]` flat: of each group, its channels by fours as `[K, 4]`, then those left over as `[K]`."""
    m, k = weights.shape
    parts = []
    for filters in weights.reshape(groups, m // groups, k):
        whole = len(filters) - len(filters) % 4
        parts += [
            filters[:whole].reshape(-1, 4, k).transpose(0, 2, 1).reshape(-1),
            filters[whole:].reshape(-1),
        ]
    return np.ascontiguousarray(np.concatenate(parts))


def folded_bias(params: WeightedParams) -> CArray:
    """The array of `WeightedParams.folded_bias`."""
    return CArray(
        "bias", freeze(params.folded_bias.astype(np.int32)), "bias, the input's zero point folded in"
    )

"""What kernels share that compute several channels of several windows at a time."""

from __future__ import annotations

import numpy as np

from mcuq.ir.plan import CArray
from mcuq.ir.types import Int8, freeze
from mcuq.kernels.fields import round_up
from mcuq.kernels.portable.weighted import pack_nibbles
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


def pack_quads(weights: Int8, groups: int) -> Int8:
    """`[M, K]` of codes of -8 to 7 flat: of each group, its channels by fours as `[K, 2]`, two in a byte.

    Channels of zeros fill up a group's last four.

    >>> pack_quads(np.array([[1, -1], [2, -2], [3, -3], [4, -4]], np.int8), 1).view(np.uint8).tolist()
    [33, 67, 239, 205]
    """
    m, k = weights.shape
    filters = m // groups
    padded: Int8 = np.zeros((groups, round_up(filters, 4), k), np.int8)
    padded[:, :filters] = weights.reshape(groups, filters, k)
    return pack_nibbles(padded.reshape(-1, 4, k).transpose(0, 2, 1))


def quad_array(weights: Int8, groups: int) -> CArray:
    """Weights of any shape with the channel first, as `pack_quads` packs those of each."""
    about = f"weights {list(weights.shape)}, by fours in two bytes"
    return CArray("weights", freeze(pack_quads(weights.reshape(len(weights), -1), groups)), about)


def folded_bias(params: WeightedParams, more: int = 0) -> CArray:
    """The array of `WeightedParams.folded_bias`.

    Args:
        params: of the layer.
        more: how many values follow that are read and not used.
    """
    values = np.concatenate([params.folded_bias, np.zeros(more, np.int64)])
    return CArray("bias", freeze(values.astype(np.int32)), "bias, the input's zero point folded in")

"""Winograd's minimal filtering for 3x3 windows in integers: when it is exact, and how kernels read it.

Windows are transformed by a matrix of integers, so that transformed sums are those of the layer times a
factor. They are computed modulo 2^32 and exact while the power of two in that factor times a sum, its bias
included, lies within int32. Source: docs/numerics.md, R6.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from mcuq.ir.types import Array, Int8, Int64
from mcuq.kernels.armv7em.requantize import DspChannels, mixed_channels
from mcuq.kernels.fields import round_up
from mcuq.ops.weighted import WeightedParams

_HALF, _WORD = 2**15, 2**31


@dataclasses.dataclass(frozen=True)
class Transform:
    """One size of tiles.

    Args:
        edge: outputs of a tile along each axis.
        weights: transform of three weights of a row, `[edge + 2][3]`.
        inputs: transform of as many inputs, `[edge + 2][edge + 2]`.
        power: the largest power of two by which a sum is multiplied.
        bias: by what the bias is multiplied.
    """

    edge: int
    weights: tuple[tuple[int, ...], ...]
    inputs: tuple[tuple[int, ...], ...]
    power: int
    bias: int

    @property
    def positions(self) -> int:
        """Values of a transformed tile."""
        return len(self.inputs) ** 2


TWO = Transform(
    edge=2,
    weights=((2, 0, 0), (1, 1, 1), (1, -1, 1), (0, 0, 2)),
    inputs=((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
    power=4,
    bias=4,
)
FOUR = Transform(
    edge=4,
    weights=((6, 0, 0), (1, 1, 1), (1, -1, 1), (1, 2, 4), (1, -2, 4), (0, 0, 6)),
    inputs=(
        (4, 0, -5, 0, 1, 0),
        (0, -4, -4, 1, 1, 0),
        (0, 4, -4, -1, 1, 0),
        (0, -2, -1, 2, 1, 0),
        (0, 2, -1, -2, 1, 0),
        (0, 4, 0, -5, 0, 1),
    ),
    power=64,
    bias=36,
)


def winograd_refusal(params: WeightedParams, transform: Transform) -> str | None:
    """Why the transformed layer would not be exact, or None; weights `[M, 3, 3, C]`."""
    channels = mixed_channels(params)
    if isinstance(channels, str):
        return channels
    for what, values in (
        ("inputs", 128 * np.abs(np.array(transform.inputs, np.int64)).sum(axis=1).max() ** 2),
        ("weights", np.abs(_transformed(channels.weights.reshape(params.weights.shape), transform)).max()),
    ):
        if values >= _HALF:
            return f"transformed {what} reach {values}, the kernel takes int16"
    weights = channels.weights.reshape(len(channels.weights), -1).astype(np.int64)
    # Codes are -128 to 127; the input's zero point is in the bias.
    high = np.maximum(127 * weights, -128 * weights).sum(axis=1) + channels.bias
    low = np.minimum(127 * weights, -128 * weights).sum(axis=1) + channels.bias
    reached = int(max(high.max(), -low.min()))
    if transform.power * reached >= _WORD:
        return f"sums reach {reached}, the kernel takes less than 2^31 / {transform.power}"
    return None


def pack_transformed(weights: Int8, transform: Transform) -> Array:
    """`[M, 3, 3, C]` as words `[M / 4, positions, C / 2, 4]` of int16s: channels 0, 2 of four before 1, 3."""
    m, _, _, c = weights.shape
    filled: Array = np.zeros((round_up(m, 4), 3, 3, round_up(c, 4)), np.int8)
    filled[:m, :, :, :c] = weights
    found = _transformed(filled, transform)
    # Of four output channels; of four input channels half and parity.
    found = found.reshape(len(filled) // 4, 4, transform.positions, -1, 2, 2)
    halves = np.ascontiguousarray(found.transpose(0, 2, 3, 5, 1, 4)).astype("<i2")
    return halves.reshape(-1).view("<i4").astype(np.int32)


def channel_words(channels: DspChannels, y_zero_point: int, transform: Transform) -> Array:
    """Int32 `[M, 4]`: bias times its factor, multiplier, right shift, offset; zeros fill up M to fours."""
    m = len(channels.bias)
    table: Array = np.zeros((round_up(m, 4), 4), np.int64)
    right = channels.right.astype(np.int64)
    table[:, 2:] = 1
    table[:m, 0] = transform.bias * channels.bias.astype(np.int64)
    table[:m, 1] = channels.multiplier
    table[:m, 2] = right
    table[:m, 3] = (1 << (right - 1)) + (y_zero_point << right)
    # Sums are taken modulo 2^32.
    wrapped: Array = table.astype(np.uint32).view(np.int32).reshape(-1)
    return wrapped


def _transformed(weights: Int8, transform: Transform) -> Int64:
    """Every window transformed along both axes: `[M, 3, 3, C]` to `[M, edge + 2, edge + 2, C]`."""
    g = np.array(transform.weights, np.int64)
    found: Int64 = np.einsum("ai,mijc,bj->mabc", g, weights.astype(np.int64), g)
    return found

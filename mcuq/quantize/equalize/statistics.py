"""What calibration says about the channels of a tensor."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from mcuq.ir.types import Array, Float64


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ChannelStats:
    """Values of each channel, index along the last axis, over all samples and positions.

    Args:
        lo: the smallest, `[C]`.
        hi: the largest, `[C]`.
        square: `E[x^2]`, `[C]`.
        active: share that is not zero, `[C]`.
    """

    lo: Float64
    hi: Float64
    square: Float64
    active: Float64

    def divided(self, scale: Float64) -> ChannelStats:
        """The statistics of the channels divided by a scale, `[C]`."""
        return ChannelStats(self.lo / scale, self.hi / scale, self.square / scale**2, self.active)


class ChannelCollector:
    """Gathers the statistics of tensors, sample by sample."""

    __slots__ = ("_sums",)

    def __init__(self) -> None:
        """Start before the first sample."""
        self._sums: dict[str, _ChannelSums] = {}

    def take(self, values: Mapping[str, Array]) -> None:
        """Count the values of some samples, `[k, *shape]` by name."""
        for name, array in values.items():
            rows = array.reshape(-1, array.shape[-1])
            self._sums.setdefault(name, _ChannelSums(rows.shape[1])).add(rows)

    def stats(self) -> dict[str, ChannelStats]:
        """The statistics of every tensor that was taken, by name."""
        return {name: sums.stats() for name, sums in self._sums.items()}


class _ChannelSums:
    """Sums over rows of channels."""

    __slots__ = ("active", "count", "hi", "lo", "square")

    def __init__(self, channels: int) -> None:
        self.lo: Float64 = np.full(channels, np.inf)
        self.hi: Float64 = np.full(channels, -np.inf)
        self.square: Float64 = np.zeros(channels)
        self.active: Float64 = np.zeros(channels)
        self.count = 0

    def add(self, rows: Array) -> None:
        """Add float32 `[n, C]`."""
        self.lo = np.minimum(self.lo, rows.min(axis=0))
        self.hi = np.maximum(self.hi, rows.max(axis=0))
        self.square = self.square + np.einsum("rc,rc->c", rows, rows)
        self.active = self.active + (rows != 0).sum(axis=0, dtype=np.float32)
        self.count += len(rows)

    def stats(self) -> ChannelStats:
        """What the sums say."""
        return ChannelStats(self.lo, self.hi, self.square / self.count, self.active / self.count)

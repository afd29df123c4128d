"""What calibration says about the channels of a tensor."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

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


def collect_channels(batches: Iterable[Mapping[str, Array]]) -> dict[str, ChannelStats]:
    """Statistics of tensors by name.

    Args:
        batches: values by name, `[k, *shape]`, sample by sample in order.
    """
    lo: dict[str, Float64] = {}
    hi: dict[str, Float64] = {}
    sums: dict[str, Float64] = {}
    active: dict[str, Float64] = {}
    counts: dict[str, int] = {}
    for batch in batches:
        for name, values in batch.items():
            rows = values.reshape(-1, values.shape[-1])
            zero = np.zeros(rows.shape[1])
            lo[name] = np.minimum(lo.get(name, zero + np.inf), rows.min(axis=0))
            hi[name] = np.maximum(hi.get(name, zero - np.inf), rows.max(axis=0))
            sums[name] = sums.get(name, zero) + np.einsum("rc,rc->c", rows, rows)
            active[name] = active.get(name, zero) + (rows != 0).sum(axis=0, dtype=np.float32)
            counts[name] = counts.get(name, 0) + len(rows)
    return {
        name: ChannelStats(lo[name], hi[name], sums[name] / counts[name], active[name] / counts[name])
        for name in lo
    }

"""Which channels were dropped, and why they could be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from mcuq.eliminate.bounds import view_bounds
from mcuq.ir.channels import Bounds, channel_count
from mcuq.ir.plan import DroppedChannels, DropReason
from mcuq.ir.program import Program
from mcuq.ir.types import Array


def describe_dropped(
    before: Program, after: Program, kept: tuple[Array, ...], bounds: Mapping[int, Bounds]
) -> Iterator[DroppedChannels]:
    """One record per step that lost channels.

    Args:
        before: all channels.
        after: those that stayed; steps and tensors have the same numbers.
        kept: by tensor, bool `[channels]`.
        bounds: of `before`.
    """
    for index, (old, new) in enumerate(zip(before.steps, after.steps, strict=True)):
        output, mask = before.tensors[old.output], kept[old.output]
        macs = old.op.macs(output.shape) - new.op.macs(after.tensors[new.output].shape)
        spared = macs, old.op.weight_bytes() - new.op.weight_bytes()
        if not mask.all() or any(spared):
            reasons = _reasons(view_bounds(before, bounds, old.output), ~mask)
            yield DroppedChannels(index, channel_count(output.shape), tuple(reasons), *spared)


def _reasons(bounds: Bounds, dropped: Array) -> Iterator[DropReason]:
    """Dropped channels with the same reason together: codes in ascending order, then what is unread."""
    lo, hi = (codes.reshape(-1, len(dropped))[:, dropped] for codes in (bounds.lo, bounds.hi))
    channels = np.nonzero(dropped)[0]
    is_fixed = (lo == hi).all(axis=0)
    is_uniform = is_fixed & (lo == lo[:1]).all(axis=0)
    for code in np.unique(lo[0, is_uniform]):
        yield DropReason("constant", _numbers(channels[is_uniform & (lo[0] == code)]), int(code))
    for reason, chosen in (("constant by position", is_fixed & ~is_uniform), ("unread", ~is_fixed)):
        if chosen.any():
            yield DropReason(reason, _numbers(channels[chosen]))


def _numbers(channels: Array) -> tuple[int, ...]:
    return tuple(int(channel) for channel in channels)

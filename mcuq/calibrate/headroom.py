"""Headroom above what was seen: new samples go beyond the extremes of those that calibrated."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping

from mcuq.calibrate.params import Range
from mcuq.calibrate.ranges import Ranges, TensorRange, fingerprint
from mcuq.calibrate.store import TensorStore
from mcuq.ir.graph import Graph
from mcuq.ir.op import Clamp


def add_headroom(
    graph: Graph, ranges: Ranges, stores: Mapping[str, TensorStore], names: Collection[str], factor: float
) -> Ranges:
    """Widen the ranges of some tensors, but not beyond what their operators' activations can give.

    Args:
        graph: stage CANONICAL.
        ranges: of its tensors.
        stores: of the same tensors, for the share of values that still saturates.
        names: which; inputs of the model keep their ranges.
        factor: at least 1; 1 changes nothing.
    """
    tensors = dict(ranges.tensors)
    for name in names:
        node = graph.producer(name)
        if node is None:
            continue
        clamp: Clamp = getattr(node.op, "clamp", Clamp())
        wide = _widen(tensors[name].range, factor, clamp)
        tensors[name] = TensorRange(wide, fingerprint(stores[name], wide))
    return dataclasses.replace(ranges, tensors=tensors)


def _widen(chosen: Range, factor: float, clamp: Clamp) -> Range:
    """The range times a factor, within the limits of an activation wherever the range itself is."""
    lo = max(chosen.lo * factor, min(chosen.lo, clamp.lo))
    hi = min(chosen.hi * factor, max(chosen.hi, clamp.hi))
    return Range(lo, hi)

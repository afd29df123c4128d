"""Evaluation data held against what was seen in calibration."""

from __future__ import annotations

from collections.abc import Mapping

from mcuq.calibrate.params import Range
from mcuq.calibrate.ranges import (
    MIN_RANGE_USE,
    Fingerprint,
    Ranges,
    TensorRange,
    drift,
    fingerprint,
    saturation_limit,
)
from mcuq.calibrate.store import TensorStore
from mcuq.ir.program import SeenTensor

_SHOWN = 3


def to_seen(ranges: Ranges) -> tuple[SeenTensor, ...]:
    """What a program keeps of its calibration."""
    return tuple(
        SeenTensor(
            name,
            entry.range.lo,
            entry.range.hi,
            entry.seen.lo,
            entry.seen.hi,
            entry.seen.mean,
            entry.seen.deviation,
            entry.seen.saturation,
        )
        for name, entry in ranges.tensors.items()
    )


def from_seen(seen: tuple[SeenTensor, ...]) -> dict[str, TensorRange]:
    """The inverse of `to_seen`."""
    return {
        each.name: TensorRange(
            Range(each.lo, each.hi),
            Fingerprint(each.smallest, each.largest, each.mean, each.deviation, each.saturation),
        )
        for each in seen
    }


def drift_warnings(
    seen: Mapping[str, TensorRange], stores: Mapping[str, TensorStore], samples: int
) -> tuple[str, ...]:
    """A line about how many tensors drifted, and one for each of the worst three; nothing where none did."""
    found = [
        (-_severity(seen[name], store, samples), name, text)
        for name, store in stores.items()
        if (text := drift(seen[name], store, samples)) is not None
    ]
    if not found:
        return ()
    title = f"the data is unlike the calibration data in {len(found)} of {len(stores)} tensors, the worst:"
    return (title, *(f"tensor '{name}': {text}" for _, name, text in sorted(found)[:_SHOWN]))


def _severity(seen: TensorRange, store: TensorStore, samples: int) -> float:
    """How many times over the limit."""
    now = fingerprint(store, seen.range)
    width = seen.range.hi - seen.range.lo
    used = (min(now.hi, seen.range.hi) - max(now.lo, seen.range.lo)) / width if width else 1.0
    return max(now.saturation / saturation_limit(seen, store, samples), MIN_RANGE_USE / max(used, 1e-3))

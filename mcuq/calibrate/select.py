"""Choosing which samples calibrate."""

from __future__ import annotations

import numpy as np

from mcuq.errors import fail
from mcuq.ir.types import Int64
from mcuq.options import Sampling

DEFAULT_COUNT = 128


def select_samples(
    total: int, count: int, sampling: Sampling, labels: Int64 | None = None, seed: int = 0
) -> Int64:
    """Choose `min(count, total)` samples; the same arguments give the same samples everywhere.

    Args:
        total: samples there are.
        count: samples wanted, at least 1.
        sampling: "stratified" takes the classes in turn, "random" ignores them, "first" keeps the order.
        labels: int64 `[total]`, which "stratified" needs.
        seed: of the random orders, at least 0.

    Returns:
        Ascending indices, int64.

    Raises:
        McuqError: O013 "stratified" without labels.
    """
    assert count >= 1 and (labels is None or labels.shape == (total,))
    if sampling == "first":
        return np.arange(min(count, total))
    order = _shuffle(total, seed)
    if sampling == "stratified":
        if labels is None:
            raise fail(
                "O013",
                "stratified sampling without labels",
                where="--sampling",
                why="found no labels, expected one per sample",
                fix="give --labels, or choose --sampling random",
            )
        order = _take_turns(order, labels, seed)
    return np.sort(order[:count])


def _shuffle(total: int, seed: int) -> Int64:
    """A random order of `range(total)`.

    Sorting raw output is slower than `Generator.permutation`, but NumPy promises the raw stream only.
    """
    return np.argsort(np.random.PCG64(seed).random_raw(total), kind="stable").astype(np.int64)


def _take_turns(order: Int64, labels: Int64, seed: int) -> Int64:
    """Reorder so that every class gives its first sample, then every class its second, and so on."""
    by_class = order[np.argsort(labels[order], kind="stable")]
    _, sizes = np.unique(labels, return_counts=True)
    turns = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    # Shuffled classes, so that a last, partial turn favours none.
    ranks = np.repeat(_shuffle(len(sizes), seed), sizes)
    return by_class[np.lexsort((ranks, turns))]

"""Elements that constants pick, place, leave out or turn round."""

from __future__ import annotations

import math

import numpy as np

from tests.random_graphs.drawing import Rng, draw
from tests.random_graphs.net import MAX_ELEMS, Net


def gather_elements(net: Net, rng: Rng) -> bool:
    """An element of an axis for each place."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2) if net.opset >= 11 else None
    if x is None:
        return False
    axis = int(rng.integers(0, len(x.shape)))
    shape = tuple(int(rng.integers(1, n + 1)) for n in x.shape)
    indices = rng.integers(-x.shape[axis], x.shape[axis], shape)
    names = [x.name, net.constant(rng, indices.astype(np.int64), "indices")]
    net.add(rng, "GatherElements", names, shape, x.kind, axis=axis)
    return True


def gather_nd(net: Net, rng: Rng) -> bool:
    """Elements or rows that tuples of indices name."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2) if net.opset >= 12 else None
    if x is None:
        return False
    batch = int(rng.random() < 0.2)
    depth = int(rng.integers(1, len(x.shape) - batch + 1))
    count, rest = int(rng.integers(1, 6)), x.shape[batch + depth :]
    lead = (*x.shape[:batch], count)
    indices = np.stack([rng.integers(0, n, lead) for n in x.shape[batch : batch + depth]], axis=-1)
    names = [x.name, net.constant(rng, indices.astype(np.int64), "indices")]
    shape = (*lead, *rest)
    if math.prod(shape) > MAX_ELEMS:
        return False
    net.add(rng, "GatherND", names, shape, "mixed", batch_dims=batch or None)
    return True


def reverse_sequence(net: Net, rng: Rng) -> bool:
    """The first elements of each row in reverse."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2) if net.opset >= 10 else None
    if x is None:
        return False
    time = int(rng.integers(0, 2))
    lengths = rng.integers(1, x.shape[time] + 1, x.shape[1 - time])
    names = [x.name, net.constant(rng, lengths.astype(np.int64), "lengths")]
    net.add(rng, "ReverseSequence", names, x.shape, x.kind, time_axis=time, batch_axis=1 - time)
    return True


def compress(net: Net, rng: Rng) -> bool:
    """The elements of an axis that a condition keeps."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2) if net.opset >= 9 else None
    if x is None:
        return False
    axis = int(rng.integers(0, len(x.shape)))
    condition = rng.random(x.shape[axis]) < 0.7
    condition[rng.integers(len(condition))] = True
    shape = (*x.shape[:axis], int(condition.sum()), *x.shape[axis + 1 :])
    net.add(rng, "Compress", [x.name, net.constant(rng, condition, "condition")], shape, x.kind, axis=axis)
    return True


def scatter_elements(net: Net, rng: Rng) -> bool:
    """A tensor with other values at some places; several in one place where they are added or so."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2)
    if x is None:
        return False
    axis = int(rng.integers(0, len(x.shape)))
    shape = tuple(min(n, int(rng.integers(1, 4))) for n in x.shape)
    reduction = _reduction(net, rng)
    order = np.argsort(rng.random((*shape[:axis], x.shape[axis], *shape[axis + 1 :])), axis=axis)
    indices = np.take(order, range(shape[axis]), axis=axis)
    if reduction is not None:
        indices = rng.integers(0, x.shape[axis], shape)
    updates = net.constant(rng, rng.normal(size=shape), "updates")
    names = [x.name, net.constant(rng, indices.astype(np.int64), "indices"), updates]
    op_type = "ScatterElements" if net.opset >= 11 else "Scatter"
    net.add(rng, op_type, names, x.shape, x.kind, axis=axis, reduction=reduction)
    return True


def _reduction(net: Net, rng: Rng) -> str | None:
    known = (["add", "mul"] if net.opset >= 16 else []) + (["max", "min"] if net.opset >= 18 else [])
    return str(rng.choice(known)) if known and rng.random() < 0.4 else None


def scatter_nd(net: Net, rng: Rng) -> bool:
    """A tensor with other rows or elements at some places."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2) if net.opset >= 11 else None
    if x is None:
        return False
    depth = int(rng.integers(1, len(x.shape) + 1))
    table = rng.permutation(math.prod(x.shape[:depth]))[: int(rng.integers(1, 5))]
    indices = np.stack(np.unravel_index(table, x.shape[:depth]), axis=-1)
    shape = (len(table), *x.shape[depth:])
    like = net.pick(rng, lambda v: v.shape == shape)
    updates = like.name if like else net.constant(rng, rng.normal(size=shape), "updates")
    names = [x.name, net.constant(rng, indices.astype(np.int64), "indices"), updates]
    net.add(rng, "ScatterND", names, x.shape, x.kind, reduction=_reduction(net, rng))
    return True


def triangle(net: Net, rng: Rng) -> bool:
    """The values of one side of a diagonal."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2) if net.opset >= 14 else None
    if x is None:
        return False
    names, is_upper = [x.name], int(rng.integers(2))
    if rng.random() < 0.5:
        low, high = (1 - x.shape[-2], 1) if is_upper else (0, x.shape[-1])
        names.append(net.constant(rng, np.array(rng.integers(low, max(high, low + 1)), np.int64), "k"))
    net.add(rng, "Trilu", names, x.shape, x.kind, upper=is_upper)
    return True


def center(net: Net, rng: Rng) -> bool:
    """What is in the middle, or a border around it."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2) if net.opset >= 18 else None
    if x is None:
        return False
    axes = sorted({int(axis) for axis in rng.integers(0, len(x.shape), 2)})
    sizes = [max(1, x.shape[axis] + int(rng.integers(-3, 4))) for axis in axes]
    shape = tuple(sizes[axes.index(i)] if i in axes else n for i, n in enumerate(x.shape))
    if math.prod(shape) > MAX_ELEMS:
        return False
    net.add(rng, "CenterCropPad", [x.name, net.ints(rng, sizes, "sizes")], shape, x.kind, axes=axes)
    return True


DRAWS = (
    draw(1, gather_elements, "GatherElements"),
    draw(1, gather_nd, "GatherND"),
    draw(1, reverse_sequence, "ReverseSequence"),
    draw(1, compress, "Compress"),
    draw(1, scatter_elements, "ScatterElements", "Scatter"),
    draw(1, scatter_nd, "ScatterND"),
    draw(1, triangle, "Trilu"),
    draw(1, center, "CenterCropPad"),
)

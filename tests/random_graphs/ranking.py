"""The largest and the smallest values, and where they stand."""

from __future__ import annotations

import math

import numpy as np

from tests.random_graphs.drawing import Rng, draw
from tests.random_graphs.net import MAX_ELEMS, Net, Value

# Of rows that are chosen from a square table.
MAX_ROW = 64


def best_index(net: Net, rng: Rng) -> bool:
    """ArgMax or ArgMin along any axis; nothing reads it but what changes its shape or type."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2 and (net.is_wild or v.kind == "vector"))
    if x is None:
        return False
    rank = len(x.shape)
    axis = rank - 1 if rng.random() < 0.5 else int(rng.integers(0, rank))
    is_kept = bool(rng.random() < 0.5)
    shape = (*x.shape[:axis], *([1] if is_kept else []), *x.shape[axis + 1 :])
    given = axis - rank if net.opset >= 11 and rng.random() < 0.3 else axis
    op_type = str(rng.choice(["ArgMax", "ArgMax", "ArgMin"]))
    index = net.add(rng, op_type, [x.name], shape, "index", axis=given, keepdims=int(is_kept))
    _follow(net, rng, index)
    return True


def _follow(net: Net, rng: Rng, index: Value) -> None:
    """What may read indices."""
    form = rng.random()
    if form < 0.15:
        net.add(rng, "Cast", [index.name], index.shape, "index32", to=6)
    elif form < 0.25 and index.shape:
        flat = (math.prod(index.shape),)
        names = [index.name, net.ints(rng, [-1], "shape")]
        net.add(rng, "Reshape", names, flat, "index")


def hard_max(net: Net, rng: Rng) -> bool:
    """1 where the largest value of a row stands, 0 elsewhere; before opset 13 rows are of several axes."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2)
    if x is None:
        return False
    rank = len(x.shape)
    axis = rank - 1 if rng.random() < 0.6 else int(rng.integers(1, rank))
    if math.prod(x.shape[axis:] if net.opset < 13 else [x.shape[axis]]) > MAX_ROW:
        return False
    net.add(rng, "Hardmax", [x.name], x.shape, x.kind, axis=axis)
    return True


def one_hot(net: Net, rng: Rng) -> bool:
    """Rows of one number with another one where ArgMax says, along a new axis."""
    x = net.pick(rng, lambda v: 2 <= len(v.shape) <= 4)
    if x is None or net.opset < 9:
        return False
    rank = len(x.shape)
    depth = x.shape[-1] + int(rng.integers(0, 3))
    if depth > MAX_ROW or math.prod(x.shape[:-1]) * depth > MAX_ELEMS:
        return False
    index = net.add(rng, "ArgMax", [x.name], x.shape[:-1], "index", axis=rank - 1, keepdims=0)
    axis = int(rng.integers(1, rank))
    shape = (*x.shape[:axis], depth, *x.shape[axis:-1])
    given = None if axis == rank - 1 and rng.random() < 0.5 else axis
    numbers = net.constant(rng, rng.normal(size=2), "values")
    names = [index.name, net.constant(rng, np.array(depth, np.int64), "depth"), numbers]
    net.add(rng, "OneHot", names, shape, "mixed", axis=given)
    return True


def top_k(net: Net, rng: Rng) -> bool:
    """The best values along an axis, and their indices where they can be had."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2)
    if x is None:
        return False
    rank = len(x.shape)
    axis = rank - 1 if rng.random() < 0.6 else int(rng.integers(0, rank))
    size = x.shape[axis]
    k = size if rng.random() < 0.1 else int(rng.integers(1, min(size, 6) + 1))
    shape = (*x.shape[:axis], k, *x.shape[axis + 1 :])
    attrs: dict[str, object] = {"axis": None if axis == rank - 1 and rng.random() < 0.5 else axis}
    names = [x.name]
    if net.opset < 10:
        attrs["k"] = k
    else:
        names.append(net.constant(rng, np.array([k], np.int64), "k"))
        attrs["largest"] = int(rng.integers(2)) if net.opset >= 11 and rng.random() < 0.5 else None
    can_be_had = math.prod(x.shape[axis + 1 :]) == 1
    kinds = [x.kind, "index" if can_be_had else "unread"]
    net.add_kinds(rng, "TopK", names, [shape, shape], kinds, **attrs)
    return True


def cast(net: Net, rng: Rng) -> bool:
    """A Cast that changes nothing."""
    x = net.pick(rng, lambda v: True)
    if x is None:
        return False
    net.add(rng, "Cast", [x.name], x.shape, x.kind, to=1)
    return True


DRAWS = (
    draw(2, best_index, "ArgMax", "ArgMin", "Cast", "Reshape"),
    draw(1, hard_max, "Hardmax"),
    draw(1, one_hot, "OneHot", "ArgMax"),
    draw(2, top_k, "TopK"),
    draw(1, cast, "Cast"),
)

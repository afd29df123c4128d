"""Products of tensors that are computed, or of one with a constant of several matrices."""

from __future__ import annotations

import math

import numpy as np

from tests.random_graphs.drawing import Rng, draw
from tests.random_graphs.net import MAX_ELEMS, Net, Value
from tests.random_graphs.shaping import reshape_of

MAX_MACS = 1 << 16


def _turned(net: Net, rng: Rng, x: Value) -> Value:
    """The last two axes exchanged."""
    perm = [*range(len(x.shape) - 2), len(x.shape) - 1, len(x.shape) - 2]
    return net.add(rng, "Transpose", [x.name], tuple(x.shape[i] for i in perm), "mixed", perm=perm)


def _product_shape(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...] | None:
    """Of two tensors of two axes or more; None where they do not fit or are too large."""
    if len(a) < 2 or len(b) < 2 or a[-1] != b[-2]:
        return None
    try:
        lead = np.broadcast_shapes(a[:-2], b[:-2])
    except ValueError:
        return None
    shape = (*(int(n) for n in lead), a[-2], b[-1])
    is_small = math.prod(shape) <= MAX_ELEMS and math.prod(shape) * a[-1] <= MAX_MACS
    return shape if is_small and len(shape) <= 4 else None


def matmul_of_tensors(net: Net, rng: Rng) -> bool:
    """Two tensors that fit, or one and itself or its like with axes exchanged."""
    a = net.pick(rng, lambda v: len(v.shape) >= 2)
    if a is None:
        return False
    b = net.pick(rng, lambda v: _product_shape(a.shape, v.shape) is not None)
    if b is None or rng.random() < 0.5:
        like = net.pick(rng, lambda v: len(v.shape) >= 2 and v.shape[-1] == a.shape[-1]) or a
        turned = (*like.shape[:-2], like.shape[-1], like.shape[-2])
        if _product_shape(a.shape, turned) is None:
            return False
        b = _turned(net, rng, like)
    shape = _product_shape(a.shape, b.shape)
    assert shape is not None
    net.add(rng, "MatMul", [a.name, b.name], shape, "vector")
    return True


def matmul_of_matrices(net: Net, rng: Rng) -> bool:
    """A tensor and a constant of several matrices, on either side."""
    x = net.pick(rng, lambda v: len(v.shape) in (3, 4))
    if x is None:
        return False
    is_left, n = rng.random() < 0.3, int(rng.integers(1, 7))
    lead = x.shape[:-2] if rng.random() < 0.7 else x.shape[-3:-2]
    other = (*lead, n, x.shape[-2]) if is_left else (*lead, x.shape[-1], n)
    shape = _product_shape(*((other, x.shape) if is_left else (x.shape, other)))
    if shape is None:
        return False
    constant = net.constant(rng, rng.normal(size=other) / np.sqrt(other[-1 if is_left else -2]), "matrices")
    net.add(rng, "MatMul", [constant, x.name] if is_left else [x.name, constant], shape, "vector")
    return True


def matmul_from_left(net: Net, rng: Rng) -> bool:
    """A constant matrix times a tensor."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2)
    if x is None:
        return False
    rows = int(rng.integers(1, 9))
    shape = (*x.shape[:-2], rows, x.shape[-1])
    if math.prod(shape) > MAX_ELEMS:
        return False
    net.add(rng, "MatMul", [net.weights(rng, (rows, x.shape[-2])), x.name], shape, "vector")
    return True


def gemm_of_tensors(net: Net, rng: Rng) -> bool:
    """Two matrices, each turned or not, and perhaps a summand."""
    a = net.pick(rng, lambda v: len(v.shape) == 2)
    if a is None:
        return False
    flags = int(rng.integers(2)), int(rng.integers(2))
    rows, inner = a.shape[::-1] if flags[0] else a.shape

    def fits(v: Value) -> bool:
        turned = v.shape[::-1] if flags[1] else v.shape
        return len(v.shape) == 2 and _product_shape((rows, inner), turned) is not None

    b = net.pick(rng, fits)
    if b is None:
        return False
    columns = b.shape[0] if flags[1] else b.shape[1]
    names, shape = [a.name, b.name], (rows, columns)
    summand = net.pick(rng, lambda v: v.shape in (shape, (1, columns)))
    if rng.random() < 0.3:
        names.append(net.constant(rng, rng.normal(size=(columns,)), "summand"))
    elif summand is not None and rng.random() < 0.5:
        names.append(summand.name)
    elif net.opset < 11:
        names.append(net.constant(rng, np.zeros(columns), "summand"))
    attrs: dict[str, object] = {"transA": flags[0] or None, "transB": flags[1] or None}
    if rng.random() < 0.3:
        attrs |= {"alpha": float(rng.uniform(0.3, 2)), "beta": float(rng.uniform(0.3, 2))}
    net.add(rng, "Gemm", names, shape, "vector", **attrs)
    return True


def attention(net: Net, rng: Rng) -> bool:
    """Scaled products of queries and keys, through a softmax, times values."""
    x = net.pick(rng, lambda v: len(v.shape) == 3 and v.kind != "image" and v.shape[1] <= 32)
    if x is None:
        x = net.pick(rng, lambda v: len(v.shape) == 4 and v.shape[1] <= 32)
        if x is None:
            return False
        x = reshape_of(net, rng, x, (*x.shape[:2], math.prod(x.shape[2:])), "vector")
    n, rows, size = x.shape
    width = int(rng.integers(1, 9))
    if n * rows * max(rows, width, size) * width > MAX_MACS:
        return False
    q, k, v = (
        net.add(rng, "MatMul", [x.name, net.weights(rng, (size, width), axis=1)], (n, rows, width), "vector")
        for _ in range(3)
    )
    scores = net.add(rng, "MatMul", [q.name, _turned(net, rng, k).name], (n, rows, rows), "vector")
    root = net.constant(rng, np.float32(np.sqrt(width)), "root")
    scaled = net.add(rng, "Div", [scores.name, root], scores.shape, "vector")
    weights = net.add(rng, "Softmax", [scaled.name], scaled.shape, "vector", axis=2)
    net.add(rng, "MatMul", [weights.name, v.name], (n, rows, width), "vector")
    return True


DRAWS = (
    draw(3, matmul_of_tensors, "MatMul", "Transpose"),
    draw(1, matmul_of_matrices, "MatMul"),
    draw(1, matmul_from_left, "MatMul"),
    draw(2, gemm_of_tensors, "Gemm"),
    draw(2, attention, "MatMul", "Softmax", "Div", "Reshape"),
)

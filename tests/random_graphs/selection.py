"""Operators that choose, repeat or rearrange values, and that join or reduce any number of them."""

from __future__ import annotations

import math

import numpy as np

from tests.random_graphs.drawing import Rng, draw, some_known
from tests.random_graphs.net import MAX_ELEMS, Net, Value

AROUND_ZERO = ("Acos", "Asin", "Atanh", "Tan")
FROM_ONE = ("Acosh",)


def depth_to_space(net: Net, rng: Rng) -> bool:
    """Channels to a finer image, or the other way round."""
    block = int(rng.choice([2, 2, 3]))
    if rng.random() < 0.5:
        x = net.pick(rng, lambda v: len(v.shape) == 4 and v.shape[1] % block**2 == 0)
        if x is None:
            return False
        n, c, h, w = x.shape
        mode = str(rng.choice(["DCR", "CRD"])) if net.opset >= 11 else None
        shape = (n, c // block**2, h * block, w * block)
        net.add(rng, "DepthToSpace", [x.name], shape, "image", blocksize=block, mode=mode)
        return True
    x = net.pick(rng, lambda v: len(v.shape) == 4 and v.shape[2] % block == v.shape[3] % block == 0)
    if x is None:
        return False
    n, c, h, w = x.shape
    shape = (n, c * block**2, h // block, w // block)
    net.add(rng, "SpaceToDepth", [x.name], shape, "image", blocksize=block)
    return True


def gather(net: Net, rng: Rng) -> bool:
    """Constant indices of one axis: a list in any order, or one number, which removes the axis."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2)
    if x is None:
        return False
    axis = int(rng.integers(0, len(x.shape)))
    size = x.shape[axis]
    is_number = len(x.shape) > 2 and rng.random() < 0.3
    count = 1 if is_number else int(rng.integers(1, min(size, 6) + 2))
    indices = rng.integers(-size if net.opset >= 11 else 0, size, count)
    shape = (*x.shape[:axis], *([] if is_number else [count]), *x.shape[axis + 1 :])
    if math.prod(shape) > MAX_ELEMS:
        return False
    dtype = np.int32 if rng.random() < 0.3 else np.int64
    array = np.array(indices[0] if is_number else indices, dtype)
    if not is_number and count % 2 == 0 and len(shape) < 4 and rng.random() < 0.3:
        array = array.reshape(2, count // 2)
        shape = (*x.shape[:axis], *array.shape, *x.shape[axis + 1 :])
    names = [x.name, net.constant(rng, array, "indices")]
    net.add(rng, "Gather", names, shape, x.kind, axis=axis)
    return True


def repeat(net: Net, rng: Rng) -> bool:
    """Tile, or Expand of axes of size 1."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2)
    if x is None:
        return False
    repeats = [int(rng.choice([1, 1, 2, 3])) for _ in x.shape]
    is_expand = rng.random() < 0.5
    if is_expand:
        repeats = [times if size == 1 else 1 for times, size in zip(repeats, x.shape, strict=True)]
    shape = tuple(size * times for size, times in zip(x.shape, repeats, strict=True))
    if math.prod(shape) > MAX_ELEMS:
        return False
    if is_expand:
        given = [
            1 if times == 1 and rng.random() < 0.5 else n for n, times in zip(shape, repeats, strict=True)
        ]
        if len(shape) < 4 and rng.random() < 0.2:
            given, shape = [1, *given], (1, *shape)
        net.add(rng, "Expand", [x.name, net.ints(rng, given, "shape")], shape, x.kind)
    else:
        net.add(rng, "Tile", [x.name, net.ints(rng, repeats, "repeats")], shape, x.kind)
    return True


def variadic(net: Net, rng: Rng) -> bool:
    """Sum, Mean, Max or Min of one to four tensors and constants."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2)
    if x is None:
        return False
    names = [x.name]
    for _ in range(int(rng.integers(0, 4))):
        if rng.random() < 0.4:
            shape: tuple[int, ...] = (x.shape[-1],) if rng.random() < 0.5 else ()
            names.append(net.constant(rng, rng.normal(size=shape)))
        else:
            other = net.pick(rng, lambda v: v.shape == x.shape)
            names.append(x.name if other is None else other.name)
    order = [names[i] for i in rng.permutation(len(names))]
    net.add(rng, str(rng.choice(["Sum", "Mean", "Max", "Min"])), order, x.shape, x.kind)
    return True


def prelu(net: Net, rng: Rng) -> bool:
    """PRelu with one slope in any shape, with one per channel, or with one per element of the last axes."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2)
    if x is None:
        return False
    ones = (1,) * (len(x.shape) - 2)
    shapes = [(1,), (1, 1, *ones), (x.shape[1], *ones), (x.shape[1], *ones), x.shape[-1:], x.shape[1:]]
    shape = shapes[rng.integers(len(shapes))]
    slope = np.full(shape, rng.uniform(-0.3, 0.9))
    if rng.random() < 0.6:
        slope = rng.uniform(-0.5, 1.2, shape)
    net.add(rng, "PRelu", [x.name, net.constant(rng, slope, "slope")], x.shape, x.kind)
    return True


def power(net: Net, rng: Rng) -> bool:
    """A tensor to a whole power, or a number to the power of a tensor."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2)
    if x is None:
        return False
    if rng.random() < 0.7:
        exponent = net.constant(rng, np.float32(rng.choice([0, 1, 2, 2, 2, 3, 4])), "exponent")
        net.add(rng, "Pow", [x.name, exponent], x.shape, x.kind)
    else:
        base = net.constant(rng, np.float32(rng.uniform(0.3, 2)), "base")
        net.add(rng, "Pow", [base, x.name], x.shape, x.kind)
    return True


def of_limited(net: Net, rng: Rng) -> bool:
    """Functions that are defined around zero, or from one on, behind something that gives such."""
    names = some_known(*AROUND_ZERO, *FROM_ONE)
    x = net.pick(rng, lambda v: len(v.shape) >= 2) if net.opset >= 9 else None
    if x is None or not names:
        return False
    op_type = str(rng.choice(names))
    limited = net.add(rng, "Tanh", [x.name], x.shape, x.kind)
    rate = net.constant(rng, np.float32(rng.uniform(0.3, 0.9)), "rate")
    limited = net.add(rng, "Mul", [limited.name, rate], x.shape, x.kind)
    if op_type in FROM_ONE:
        offset = net.constant(rng, np.float32(rng.uniform(2, 3)), "offset")
        limited = net.add(rng, "Add", [limited.name, offset], x.shape, x.kind)
    net.add(rng, op_type, [limited.name], x.shape, x.kind)
    return True


def quotient(net: Net, rng: Rng) -> bool:
    """A tensor or a number by a tensor that stays away from zero."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2)
    if x is None:
        return False
    gate = net.add(rng, "Sigmoid", [x.name], x.shape, x.kind)
    half = net.constant(rng, np.float32(rng.uniform(0.2, 1)), "offset")
    below = net.add(rng, "Add", [gate.name, half], x.shape, x.kind)
    above = net.pick(rng, lambda v: v.shape == x.shape)
    if above is None or rng.random() < 0.2:
        name = net.constant(rng, np.float32(rng.normal()), "number")
    else:
        name = above.name
    net.add(rng, "Div", [name, below.name], x.shape, x.kind)
    return True


def of_positive(net: Net, rng: Rng) -> bool:
    """Functions that are defined for positive values alone, behind something that gives such."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2)
    if x is None:
        return False
    positive = _make_positive(net, rng, x)
    net.add(rng, str(rng.choice(["Sqrt", "Log", "Reciprocal"])), [positive.name], x.shape, x.kind)
    return True


def _make_positive(net: Net, rng: Rng, x: Value) -> Value:
    form = rng.random()
    if form < 0.4:
        return net.add(rng, "Sigmoid", [x.name], x.shape, x.kind)
    y = net.add(rng, "Relu" if form < 0.7 else "Abs", [x.name], x.shape, x.kind)
    epsilon = net.constant(rng, np.float32(10.0 ** rng.uniform(-5, 0)), "epsilon")
    return net.add(rng, "Add", [y.name, epsilon], x.shape, x.kind)


DRAWS = (
    draw(2, depth_to_space, "DepthToSpace", "SpaceToDepth"),
    draw(2, gather, "Gather"),
    draw(2, repeat, "Tile", "Expand"),
    draw(2, variadic, "Sum", "Mean", "Max", "Min"),
    draw(2, prelu, "PRelu"),
    draw(1, power, "Pow"),
    draw(1, of_positive, "Sqrt", "Log", "Reciprocal", "Sigmoid", "Relu", "Abs", "Add"),
    draw(1, quotient, "Div"),
    draw(1, of_limited, *some_known("Tanh", "Mul", "Add", *AROUND_ZERO, *FROM_ONE)),
)

"""Sums along axes that an equation names, running sums, and remainders; operators of three axes."""

from __future__ import annotations

import math

import numpy as np

from tests.random_graphs.drawing import Rng, draw
from tests.random_graphs.net import MAX_ELEMS, Net
from tests.random_graphs.shaping import reshape_of

# Axes by letters: of one operand, and of two.
ALONE = {2: ["ab->ba", "ab->a", "ab->"], 3: ["abc->cab", "abc->ac", "abc->b"], 4: ["abcd->dcba", "abcd->bd"]}
WITH_ITSELF = {2: ["ab,cb->ac", "ab,ab->a", "ab,ab->ab"], 3: ["abc,adc->abd", "abc,abd->acd", "abc,abc->ab"],
               4: ["abcd,abed->abce", "abcd,abcd->acd"]}  # fmt: skip


def running_sum(net: Net, rng: Rng) -> bool:
    """Sums of all that comes before along an axis."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2 and max(v.shape) <= 64) if net.opset >= 11 else None
    if x is None:
        return False
    axis = np.array(int(rng.integers(-len(x.shape), len(x.shape))), np.int64)
    flags = {name: int(rng.random() < 0.3) or None for name in ("exclusive", "reverse")}
    net.add(rng, "CumSum", [x.name, net.constant(rng, axis, "axis")], x.shape, x.kind, **flags)
    return True


def einsum(net: Net, rng: Rng) -> bool:
    """An equation of one tensor, or of two of one shape."""
    x = net.pick(rng, lambda v: len(v.shape) in ALONE) if net.opset >= 12 else None
    if x is None:
        return False
    names, rank = [x.name], len(x.shape)
    if rng.random() < 0.3:
        equation = str(rng.choice(ALONE[rank]))
    else:
        other = net.pick(rng, lambda v: v.shape == x.shape)
        names.append((other or x).name)
        equation = str(rng.choice(WITH_ITSELF[rank]))
    left, right = equation.split("->")
    sizes = {a: n for part in left.split(",") for a, n in zip(part, x.shape, strict=True)}
    shape = tuple(sizes[a] for a in right)
    if math.prod(shape) > MAX_ELEMS or math.prod(sizes.values()) > 1 << 16:
        return False
    net.add(rng, "Einsum", names, shape, "mixed", equation=equation)
    return True


def remainder(net: Net, rng: Rng) -> bool:
    """What a division leaves, with the sign of the dividend."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2) if net.opset >= 10 else None
    if x is None:
        return False
    divisor = net.constant(rng, np.float32(rng.uniform(0.5, 3)), "divisor")
    net.add(rng, "Mod", [x.name, divisor], x.shape, x.kind, fmod=1)
    return True


def cast_like(net: Net, rng: Rng) -> bool:
    """A Cast that changes nothing."""
    x = net.pick(rng, lambda v: True) if net.opset >= 15 else None
    if x is None:
        return False
    net.add(rng, "CastLike", [x.name, net.constant(rng, np.zeros(1), "like")], x.shape, x.kind)
    return True


def volume(net: Net, rng: Rng) -> bool:
    """A convolution or a pool of three axes."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2 and math.prod(v.shape) >= 8)
    if x is None:
        return False
    rest, sizes = math.prod(x.shape), list[int]()
    for _ in range(3):
        sizes.append(int(rng.choice([n for n in range(1, 7) if rest % n == 0])))
        rest //= sizes[-1]
    if rest > 16:
        return False
    x = reshape_of(net, rng, x, (1, rest, *sizes), "volume")
    kernel = [int(rng.integers(1, min(3, n) + 1)) for n in sizes]
    stride = [int(rng.integers(1, 3)) for _ in sizes]
    out = [(n - k) // s + 1 for n, k, s in zip(sizes, kernel, stride, strict=True)]
    attrs: dict[str, object] = {"kernel_shape": kernel, "strides": stride}
    form = rng.random()
    if form < 0.5:
        y = net.add(
            rng, "MaxPool" if form < 0.25 else "AveragePool", [x.name], (1, rest, *out), "volume", **attrs
        )
    else:
        filters = int(rng.integers(1, 5))
        names = [x.name, net.weights(rng, (filters, rest, *kernel)), net.bias(rng, filters)]
        y = net.add(rng, "Conv", names, (1, filters, *out), "volume", **attrs)
    net.add(rng, "Flatten", [y.name], (1, math.prod(y.shape)), "vector")
    return True


DRAWS = (
    draw(1, running_sum, "CumSum"),
    draw(2, einsum, "Einsum"),
    draw(1, remainder, "Mod"),
    draw(1, cast_like, "CastLike"),
    draw(1, volume, "Conv", "MaxPool", "AveragePool", "Reshape", "Flatten"),
)

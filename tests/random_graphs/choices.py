"""Comparisons, truth values, and choices by them."""

from __future__ import annotations

import numpy as np

from tests.random_graphs.drawing import Rng, draw
from tests.random_graphs.net import Net, Value

# From which opset on they compare real numbers.
COMPARISONS = {"Greater": 7, "Less": 7, "Equal": 11, "GreaterOrEqual": 12, "LessOrEqual": 12}
NEEDED = ("Where", "And", "Or", "Xor", "Not", *COMPARISONS)


def _compared(net: Net, rng: Rng, x: Value) -> Value:
    names = [name for name, since in COMPARISONS.items() if net.opset >= since]
    number = net.constant(rng, np.float32(rng.normal() * 0.5), "threshold")
    return net.add(rng, names[rng.integers(len(names))], [x.name, number], x.shape, "unread")


def where(net: Net, rng: Rng) -> bool:
    """Values of one tensor or of another one, as one or two comparisons say."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2) if net.opset >= 9 else None
    if x is None:
        return False
    truth = _compared(net, rng, x)
    if rng.random() < 0.5:
        other = _compared(net, rng, net.pick(rng, lambda v: v.shape == x.shape) or x)
        op_type = str(rng.choice(["And", "Or", "Xor"]))
        truth = net.add(rng, op_type, [truth.name, other.name], x.shape, "unread")
    if rng.random() < 0.3:
        truth = net.add(rng, "Not", [truth.name], x.shape, "unread")
    y = net.pick(rng, lambda v: v.shape == x.shape and v != x)
    name = net.constant(rng, np.float32(rng.normal()), "other") if y is None else y.name
    names = [x.name, name] if rng.random() < 0.5 else [name, x.name]
    net.add(rng, "Where", [truth.name, *names], x.shape, x.kind)
    return True


DRAWS = (draw(2, where, *NEEDED),)

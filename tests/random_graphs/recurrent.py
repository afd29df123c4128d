"""Recurrent layers over one sequence, with every output and input that they may have."""

from __future__ import annotations

import math

import numpy as np

from tests.random_graphs.drawing import Rng, draw, some_known
from tests.random_graphs.net import Net, Value, draw_weights
from tests.random_graphs.shaping import reshape_of

MAX_STEPS = 16
MAX_SIZE = 48
# Sums per unit, and how many states a layer begins with.
KINDS = {"LSTM": (4, 2), "GRU": (3, 1), "RNN": (1, 1)}


def recurrent(net: Net, rng: Rng) -> bool:
    """An LSTM, a GRU or an RNN of any direction."""
    x = net.pick(rng, lambda v: bool(v.shape) and _lengths(v))
    if x is None:
        return False
    steps = int(rng.choice(_lengths(x)))
    size, units = math.prod(x.shape) // steps, int(rng.integers(1, 9))
    kind = str(rng.choice(some_known(*KINDS)))
    direction = str(rng.choice(["forward", "forward", "reverse", "bidirectional"]))
    ways = 2 if direction == "bidirectional" else 1
    sequence = x if x.shape == (steps, 1, size) else reshape_of(net, rng, x, (steps, 1, size), "vector")
    gates, states = KINDS[kind]
    rows = gates * units
    names = [sequence.name, _weights(net, rng, (ways, rows, size)), _weights(net, rng, (ways, rows, units))]
    has_bias = rng.random() < 0.7
    names.append(net.constant(rng, rng.normal(size=(ways, 2 * rows)) * 0.3, "bias") if has_bias else "")
    names.append(net.constant(rng, np.array([steps], np.int32), "lengths") if rng.random() < 0.2 else "")
    has_states = rng.random() < 0.4
    names += [_state(net, rng, ways, units) if has_states else "" for _ in range(states)]
    if kind == "LSTM" and rng.random() < 0.3:
        names.append(net.constant(rng, rng.normal(size=(ways, 3 * units)) * 0.3, "peepholes"))
    while names[-1] == "":
        names.pop()
    shapes = [(steps, ways, 1, units), *[(ways, 1, units)] * states]
    wanted = [bool(rng.random() < 0.6) for _ in shapes]
    wanted[rng.integers(2)] = True
    given = [shape if is_wanted else None for shape, is_wanted in zip(shapes, wanted, strict=True)]
    while given[-1] is None:
        given.pop()
    attrs: dict[str, object] = {"hidden_size": units}
    attrs["direction"] = direction if direction != "forward" or rng.random() < 0.5 else None
    attrs["clip"] = float(rng.uniform(0.5, 4)) if rng.random() < 0.15 else None
    attrs["linear_before_reset"] = int(rng.integers(2)) if kind == "GRU" else None
    net.add_many(rng, kind, names, given, "vector", **attrs)
    return True


def _lengths(x: Value) -> list[int]:
    """Into how many elements of a sequence a tensor can be cut."""
    count = math.prod(x.shape)
    return [n for n in range(1, MAX_STEPS + 1) if count % n == 0 and count // n <= MAX_SIZE]


def _weights(net: Net, rng: Rng, shape: tuple[int, int, int]) -> str:
    character = net.characters[rng.integers(len(net.characters))]
    drawn = draw_weights(rng, (shape[0] * shape[1], shape[2]), character)
    return net.constant(rng, drawn.reshape(shape), "weight")


def _state(net: Net, rng: Rng, ways: int, units: int) -> str:
    """What a layer begins with: zeros, constants, or what the graph computes."""
    shape = (ways, 1, units)
    form = rng.random()
    if form < 0.5:
        x = net.pick(rng, lambda v: bool(v.shape) and math.prod(v.shape) == ways * units)
        if x is not None:
            return x.name if x.shape == shape else reshape_of(net, rng, x, shape, "vector").name
    return net.constant(rng, rng.normal(size=shape) * (0.0 if form > 0.9 else 0.5), "state")


DRAWS = (draw(4, recurrent, "LSTM", "GRU", "RNN", "Reshape"),)

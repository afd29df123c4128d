"""Normalizations at run time."""

from __future__ import annotations

import math

import numpy as np

from tests.random_graphs.drawing import Rng, draw
from tests.random_graphs.net import Net


def _epsilon(rng: Rng) -> float | None:
    return None if rng.random() < 0.4 else float(10.0 ** rng.uniform(-6, -1))


def _affine(net: Net, rng: Rng, shape: tuple[int, ...]) -> list[str]:
    """A scale and a bias."""
    spread = 1.0 if len(net.characters) == 1 else 2.0 ** rng.uniform(-3, 3, shape)
    arrays = [rng.uniform(0.4, 1.6, shape) * spread, rng.normal(size=shape) * 0.3]
    return [net.constant(rng, array, hint) for array, hint in zip(arrays, ("gain", "shift"), strict=True)]


def over_last_axes(net: Net, rng: Rng) -> bool:
    """LayerNormalization or RMSNormalization over the axes from one on."""
    names = [
        name for name, since in (("LayerNormalization", 17), ("RMSNormalization", 23)) if net.opset >= since
    ]
    x = net.pick(rng, lambda v: len(v.shape) >= 2 and v.shape[-1] > 1)
    if x is None or not names:
        return False
    op_type, rank = names[rng.integers(len(names))], len(x.shape)
    axis = rank - 1 if rng.random() < 0.6 else int(rng.integers(1, rank))
    affine = _affine(net, rng, x.shape[axis:])
    is_whole = op_type == "LayerNormalization" and rng.random() < 0.8
    given = None if axis == rank - 1 and rng.random() < 0.5 else axis - rank if rng.random() < 0.5 else axis
    inputs = [x.name, *(affine if is_whole else affine[:1])]
    net.add(rng, op_type, inputs, x.shape, x.kind, axis=given, epsilon=_epsilon(rng))
    return True


def of_channels(net: Net, rng: Rng) -> bool:
    """InstanceNormalization, or GroupNormalization."""
    x = net.pick(rng, lambda v: len(v.shape) in (3, 4) and math.prod(v.shape[2:]) > 1)
    if x is None:
        return False
    channels = x.shape[1]
    names = [x.name, *_affine(net, rng, (channels,))]
    if net.opset >= 21 and rng.random() < 0.7:
        groups = int(rng.choice([g for g in range(1, channels + 1) if channels % g == 0]))
        epsilon = _epsilon(rng)
        net.add(rng, "GroupNormalization", names, x.shape, x.kind, num_groups=groups, epsilon=epsilon)
        return True
    net.add(rng, "InstanceNormalization", names, x.shape, x.kind, epsilon=_epsilon(rng))
    return True


def by_length(net: Net, rng: Rng) -> bool:
    """LpNormalization by the Euclidean length, of what is hardly ever zero."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2)
    if x is None:
        return False
    axis = len(x.shape) - 1 if rng.random() < 0.6 else int(rng.integers(0, len(x.shape)))
    # Of a vector of zeros the standard has no direction.
    epsilon = net.constant(rng, np.float32(rng.uniform(0.05, 0.5)), "epsilon")
    y = net.add(rng, "Add", [x.name, epsilon], x.shape, x.kind) if rng.random() < 0.7 else x
    given = None if axis == len(x.shape) - 1 and rng.random() < 0.5 else axis
    net.add(
        rng, "LpNormalization", [y.name], x.shape, x.kind, axis=given, p=2 if rng.random() < 0.5 else None
    )
    return True


DRAWS = (
    draw(3, over_last_axes, "LayerNormalization", "RMSNormalization"),
    draw(2, of_channels, "InstanceNormalization", "GroupNormalization"),
    draw(1, by_length, "LpNormalization", "Add"),
)

"""Layers whose input or output is int16, in the shapes that kernels with vectors treat in their own ways."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from random import Random

import numpy as np

from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.types import DType, freeze
from mcuq.ops.accumulator import Accumulator
from mcuq.ops.conv import DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window
from tests.ops import arithmetic, pool, randoms
from tests.ops.randoms import Example

Maker = Callable[[Random], Example]


def widened(maker: Maker) -> Maker:
    """The same layers with an input or output of int16."""

    def make(rng: Random) -> Example:
        return randoms.widened(rng, maker(rng))

    make.__name__ = f"wide_{maker.__name__}"
    return make


def largest_sums(rng: Random) -> Example:
    """Rows around what int32 holds of the largest products, and around twice as many."""
    count = rng.choice([1, 2]) * 496 + rng.choice([0, 1, 7, 8, 15, 16, 23])
    m, y_type = rng.choice([1, 4, 5]), rng.choice([DType.INT16, DType.INT8])
    params = WeightedParams(
        freeze(np.full((m, count), rng.choice([-128, 127]), np.int8)),
        freeze(np.array([rng.choice([0, 2**31 - 1, -(2**31)]) for _ in range(m)], np.int32)),
        Requant((2**30,) * m, (-16 if y_type is DType.INT16 else -24,) * m, Rounding.DOUBLE),
        0,
        0,
        y_type.qmin,
        y_type.qmax,
        x_type=DType.INT16,
        y_type=y_type,
        accumulator=Accumulator.INT64,
    )
    return Example(LinearStep(params), ((rng.randint(1, 3), count),), (0,), (DType.INT16,))


def wide_add(rng: Random) -> Example:
    """Of one shape, also of fewer elements than a vector has lanes, around any zero points."""
    made = arithmetic.wide_add_example(rng, Rounding.DOUBLE)
    shape = randoms.any_shape(rng)
    changes: dict[str, object] = {f"{name}_zero_point": randoms.wide_zero_point(rng) for name in "ab"}
    if rng.random() < 0.3:
        # Small addends, whose sum is shifted to the left.
        shifts = {"a": rng.randint(-22, -17), "b": rng.randint(-22, -17), "y": rng.randint(1, 12)}
        for name, shift in shifts.items():
            changes[f"{name}_requant"] = Requant((randoms.multiplier(rng),), (shift,), Rounding.DOUBLE)
    return dataclasses.replace(made, op=randoms.changed_step(made.op, **changes), shapes=(shape, shape))


def wide_mean(rng: Random) -> Example:
    """Channels that end anywhere in a vector."""
    return pool.wide_mean_example(rng, Rounding.DOUBLE)


def few_taps(rng: Random) -> Example:
    """Windows of up to nine taps, many inside the image, at any strides, without shifts to the left."""
    kernel = rng.choice([(3, 3), (3, 3), (1, 9), (2, 4), (3, 1), (1, 1), (1, rng.randint(1, 8))])
    strides, gap = (rng.randint(1, 3), rng.randint(1, 3)), rng.choice([1, 1, 2])
    size = [gap * (k - 1) + 1 + rng.randint(0, 3 * s) for k, s in zip(kernel, strides, strict=True)]
    pads = [rng.randint(0, min(1, reach - 1)) for reach in (*kernel, *kernel)]
    window = Window(kernel, strides, (pads[0], pads[1], pads[2], pads[3]), (gap, gap))
    shape = (rng.choice([1, 1, 2]), *size, rng.choice([1, 2, 3, 7, 8, 9, 16, 17, 24]))
    params = randoms.weighted(rng, (shape[3], *kernel, 1), Rounding.DOUBLE)
    wide = randoms.widened(rng, Example(DepthwiseStep(params, window), (shape,), (0,)))
    found = wide.op.params
    requant = Requant(
        found.requant.multiplier, tuple(min(each, 0) for each in found.requant.shift), Rounding.DOUBLE
    )
    bias = freeze(np.clip(found.bias, -(2**29), 2**29), "int32")
    found = dataclasses.replace(found, requant=requant, bias=bias, accumulator=Accumulator.INT32)
    return dataclasses.replace(wide, op=dataclasses.replace(wide.op, params=found))


def left_shifts(maker: Maker) -> Maker:
    """The same layers of int16 with small weights, some of whose channels shift to the left."""

    def make(rng: Random) -> Example:
        example = randoms.widened(rng, maker(rng))
        params = example.op.params
        weights = freeze(np.sign(params.weights).astype(np.int8))
        m, taps = len(weights), weights[0].size
        most = max(0, (2**31 - 1 - 256) // (32768 * taps + 1000)).bit_length() - 1
        shift = tuple(rng.choice([most, 0, -1, -9, -20]) for _ in range(m))
        found = dataclasses.replace(
            params,
            weights=weights,
            bias=freeze(np.array([rng.randint(-1000, 1000) for _ in range(m)], np.int32)),
            requant=Requant(params.requant.multiplier, shift, Rounding.DOUBLE),
            accumulator=Accumulator.INT32,
        )
        return dataclasses.replace(example, op=dataclasses.replace(example.op, params=found))

    make.__name__ = f"left_{maker.__name__}"
    return make

"""A generator of examples for every operator of the program; a new operator needs an entry here.

The contract tests find the generators through `GENERATORS` and compare each example's step with
`tests.ops.reference` and with every kernel variant that accepts it.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from mcuq.ir.integer import Rounding
from mcuq.ops.arithmetic import AddStep, MulStep
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.pool import AveragePoolStep, MaxPoolStep, MeanStep
from mcuq.ops.softmax import SoftmaxStep
from tests.ops import examples_move, randoms
from tests.ops.randoms import Example, Generator
from tests.ops.reference import quantize_multiplier


def conv2d(rng: Random, rounding: Rounding) -> Example:
    groups = rng.choice([1, 1, 2, 3])
    depth = rng.choice([1, 2, 3, 4, 5, 8, 16]) if groups == 1 else rng.choice([1, 2, 3, 4])
    shape = randoms.image_shape(rng, groups * depth)
    window = randoms.window(rng, *shape[1:3])
    filters = groups * rng.choice([1, 2, 3, 4, 5])
    params = randoms.weighted(rng, (filters, *window.kernel, depth), rounding)
    return Example(ConvStep(params, window, groups), (shape,), (params.x_zero_point,))


def depthwise_conv2d(rng: Random, rounding: Rounding) -> Example:
    shape = randoms.image_shape(rng, rng.choice([2, 3, 4, 5, 7, 8, 9, 17]))
    window = randoms.window(rng, *shape[1:3])
    channels = shape[3] * rng.choice([1, 1, 2, 3])
    params = randoms.weighted(rng, (channels, *window.kernel, 1), rounding)
    return Example(DepthwiseStep(params, window), (shape,), (params.x_zero_point,))


def linear(rng: Random, rounding: Rounding) -> Example:
    width = rng.choice([1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 64, 130])
    lead = rng.choice([(), (1,), (1,), (3,), (2, 3)])
    params = randoms.weighted(rng, (rng.choice([1, 2, 3, 4, 5, 8, 9, 10]), width), rounding)
    return Example(LinearStep(params), ((*lead, width),), (params.x_zero_point,))


def add(rng: Random, rounding: Rounding) -> Example:
    """Multipliers as lowering makes them, and some it never makes."""
    scales = [2.0 ** rng.uniform(-6, 2), 2.0 ** rng.uniform(-6, 2)]
    if rng.random() < 0.4:
        scales = [rng.choice([1.0, 0.5]), rng.choice([1.0, 0.25])]
    twice = 2 * max(scales)
    y_scale = max(scales) * rng.choice([0.5, 1.0, 2.0, 1.37, 2.0**-6])
    pairs = [quantize_multiplier(s / twice) for s in scales] + [quantize_multiplier(twice / 2**20 / y_scale)]
    a, b, y = (randoms.Requant((m,), (s,), rounding) for m, s in pairs)
    zero_points = (randoms.zero_point(rng), randoms.zero_point(rng))
    limits = randoms.limits(rng)
    op = AddStep(*zero_points, randoms.zero_point(rng), a, b, y, rng.random() < 0.3, *limits)
    # Tables pay off for large tensors only.
    large = (1, 9, rng.randint(8, 11), 8)
    shapes = (large, large) if rng.random() < 0.3 else randoms.broadcast_shapes(rng)
    return Example(op, shapes, zero_points)


def mul(rng: Random, rounding: Rounding) -> Example:
    zero_points = (randoms.zero_point(rng), randoms.zero_point(rng))
    requant = randoms.requant(rng, [255 * 255], rounding, [40 * 40])
    op = MulStep(*zero_points, randoms.zero_point(rng), requant, *randoms.limits(rng))
    return Example(op, randoms.broadcast_shapes(rng), zero_points)


def max_pool(rng: Random, rounding: Rounding) -> Example:
    shape = randoms.image_shape(rng)
    return Example(MaxPoolStep(randoms.window(rng, *shape[1:3]), -128, 127), (shape,), (0,))


def average_pool(rng: Random, rounding: Rounding) -> Example:
    """Small windows of even size tie often."""
    shape = randoms.image_shape(rng)
    window = randoms.window(rng, *shape[1:3], dilations=False)
    zero_point = randoms.zero_point(rng)
    op = AveragePoolStep(window, rng.choice([False, True]), zero_point, -128, 127)
    return Example(op, (shape,), (zero_point,))


def mean(rng: Random, rounding: Rounding) -> Example:
    shape = randoms.image_shape(rng)
    window = randoms.window(rng, *shape[1:3], pads=False, dilations=False)
    if rng.random() < 0.4:
        window = randoms.Window(shape[1:3])
    zero_point = randoms.zero_point(rng)
    taps = window.kernel[0] * window.kernel[1]
    requant = randoms.requant(rng, [255 * taps], rounding, [int(80 * taps**0.5)])
    op = MeanStep(window, zero_point, randoms.zero_point(rng), requant, *randoms.limits(rng))
    return Example(op, (shape,), (zero_point,))


def softmax(rng: Random, rounding: Rounding) -> Example:
    scale = 2.0 ** rng.choice([rng.uniform(-9, -2), rng.uniform(-9, -2), rng.uniform(-20, 8)])
    multiplier, shift = quantize_multiplier(min(scale * 2.0**26, 2.0**31 - 1))
    diff_min = max(-int(31 * 2.0**26 / 2.0**shift), -256)
    shape = rng.choice(
        [(1,), (1, 1), (1, 2), (1, 10), (3, 12), (2, 3, 5), (1, rng.randint(2, 300)), (1, 513)]
    )
    return Example(SoftmaxStep(multiplier, shift, diff_min), (shape,), (0,))


GENERATORS: Mapping[str, Generator] = {
    "conv2d": conv2d,
    "depthwise_conv2d": depthwise_conv2d,
    "linear": linear,
    "add": add,
    "mul": mul,
    "max_pool": max_pool,
    "average_pool": average_pool,
    "mean": mean,
    "softmax": softmax,
    **examples_move.GENERATORS,
}


def examples(kind: str, count: int, rounding: Rounding, seed: int = 0) -> list[Example]:
    """`count` examples of an operator, the same on every machine."""
    make = GENERATORS[kind]
    return [make(Random(f"{kind} {rounding.value} {seed} {index}"), rounding) for index in range(count)]

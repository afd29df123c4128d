"""Examples of what kernels with vectors treat in their own ways: rests of 16 codes and of 4 channels."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from random import Random

from mcuq.ir.integer import Rounding
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window
from tests.kernels.armv7em import examples as dsp
from tests.kernels.armv7em import plain_layers
from tests.kernels.armv7em.four_bits import narrowed
from tests.kernels.armv81m.wide_layers import (
    few_taps,
    largest_sums,
    left_shifts,
    wide_add,
    wide_mean,
    widened,
)
from tests.ops import randoms
from tests.ops.examples import GENERATORS
from tests.ops.randoms import Example

Maker = Callable[[Random], Example]


def any_shifts(rng: Random, params: WeightedParams) -> WeightedParams:
    """Channels without a shift and with the largest ones among the others, and weights of -128."""
    shift = [rng.choice([min(each, 0), min(each, 0), 0, -1, -24, -31]) for each in params.requant.shift]
    weights = params.weights.copy()
    weights.reshape(-1)[:: rng.randint(1, 9)] = -128
    weights.flags.writeable = False
    requant = dataclasses.replace(params.requant, shift=tuple(shift))
    return dataclasses.replace(params, weights=weights, requant=requant)


def conv(rng: Random) -> Example:
    """Windows whose codes end anywhere in a vector, in groups or not, with gaps or not."""
    kernel = (rng.randint(1, 4), rng.randint(1, 4))
    groups = rng.choice([1, 1, 2, 3])
    dilations = (rng.choice([1, 1, 2, 3]), rng.choice([1, 1, 1, 2, 3]))
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
    pads = tuple(rng.choice([0, 0, 1, 2, each]) for each in (*reach, *reach))
    size = [
        max(1, each - rng.randint(0, before + behind) + rng.randint(0, 4))
        for each, before, behind in zip(reach, pads[:2], pads[2:], strict=True)
    ]
    window = Window(
        kernel, (rng.randint(1, 2), rng.randint(1, 3)), (pads[0], pads[1], pads[2], pads[3]), dilations
    )
    depth, filters = rng.choice([1, 2, 3, 4, 5, 8, 15, 16, 17, 21]), rng.randint(1, 9)
    params = randoms.weighted(rng, (groups * filters, *kernel, depth), Rounding.DOUBLE)
    params = any_shifts(rng, params) if rng.random() < 0.5 else params
    shape = (rng.choice([1, 1, 2]), *size, groups * depth)
    return Example(ConvStep(params, window, groups), (shape,), (params.x_zero_point,))


def pixels(rng: Random) -> Example:
    """Windows of one pixel or one row, which are read where they are: 1 to 5 of them, 1 to 33 codes deep."""
    kernel = rng.choice([(1, 1), (1, 1), (1, 3)])
    shape = (1, rng.randint(1, 2), kernel[1] + rng.randint(0, 4), rng.randint(1, 33))
    params = randoms.weighted(rng, (rng.randint(1, 13), *kernel, shape[3]), Rounding.DOUBLE)
    window = Window(kernel, (1, rng.randint(1, 2)))
    return Example(ConvStep(params, window, 1), (shape,), (params.x_zero_point,))


def depthwise(rng: Random) -> Example:
    """Taps around multiples of 16, any number of channels, several filters per channel, rows in bands."""
    kernels = [(3, 3), (1, 15), (4, 4), (17, 1), (1, 16), (3, 6), (8, 4), (3, 11), (2, rng.randint(1, 9))]
    kernel = rng.choice(kernels)
    dilations = (rng.choice([1, 1, 2]), rng.choice([1, 1, 1, 2, 3]))
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
    size = [rng.randint(max(1, each - 2), each + 3) for each in reach]
    if rng.random() < 0.2:
        size[1] = rng.randint(90, 200)
    pads = (rng.randint(0, 3), rng.randint(0, 3), rng.randint(2, 3), rng.randint(2, 3))
    window = Window(kernel, (rng.randint(1, 2), rng.randint(1, 3)), pads, dilations)
    channels, filters = rng.choice([1, 2, 3, 4, 5, 7, 8, 9, 12, 17]), rng.choice([1, 1, 1, 2, 3, 5])
    shape = (1, *size, channels)
    params = randoms.weighted(rng, (channels * filters, *kernel, 1), Rounding.DOUBLE)
    params = any_shifts(rng, params) if rng.random() < 0.5 else params
    return Example(DepthwiseStep(params, window), (shape,), (params.x_zero_point,))


def linear(rng: Random) -> Example:
    """Rows that end anywhere in a vector, one to five of them, channels that are left over of four."""
    shape = (rng.randint(1, 5), rng.choice([rng.randint(1, 50), 64, 100]))
    params = randoms.weighted(rng, (rng.randint(1, 13), shape[1]), Rounding.DOUBLE)
    params = any_shifts(rng, params) if rng.random() < 0.5 else params
    return Example(LinearStep(params), (shape,), (params.x_zero_point,))


def add(rng: Random) -> Example:
    """Equal shapes, also of fewer elements than a vector has lanes."""
    while True:
        example = GENERATORS["add"](rng, Rounding.DOUBLE)
        if len({*example.shapes}) == 1:
            return example


def softmax(rng: Random) -> Example:
    """Rows around multiples of vectors; some so long and even that every share is rounded to 0."""
    example = GENERATORS["softmax"](rng, Rounding.DOUBLE)
    rows, count = rng.choice([(rng.randint(1, 3), rng.randint(1, 40)), (1, rng.choice([600, 1100, 4095]))])
    return dataclasses.replace(example, shapes=((rows, count),))


MAKERS: dict[str, tuple[Maker, ...]] = {
    "mcuq_conv2d_s8_mve": (
        conv,
        pixels,
        dsp.far_conv,
        dsp.long_conv,
        *map(narrowed, (conv, pixels, dsp.far_conv)),
    ),
    "mcuq_depthwise_conv2d_s8_mve": (depthwise, dsp.far_depthwise, dsp.wide_depthwise_3x3),
    "mcuq_linear_s8_mve": (linear, dsp.long_linear, narrowed(linear), narrowed(dsp.long_linear)),
    "mcuq_add_s8_mve": (add, dsp.add),
    "mcuq_max_pool_s8_mve": (plain_layers.max_pool,),
    "mcuq_average_pool_s8_mve": (plain_layers.average_pool,),
    "mcuq_mean_s8_mve": (plain_layers.mean,),
    "mcuq_softmax_s8_mve": (softmax,),
    **dict.fromkeys(
        ("mcuq_conv2d_s16_mve", "mcuq_conv2d_s16_s8_mve", "mcuq_conv2d_s8_s16_mve"),
        (*map(widened, (conv, pixels, dsp.far_conv, narrowed(conv))), left_shifts(pixels)),
    ),
    **dict.fromkeys(
        ("mcuq_depthwise_conv2d_s16_mve", "mcuq_depthwise_conv2d_s16_s8_mve"),
        (
            *map(widened, (depthwise, dsp.far_depthwise, dsp.wide_depthwise_3x3)),
            left_shifts(depthwise),
            few_taps,
        ),
    ),
    **dict.fromkeys(
        ("mcuq_linear_s16_mve", "mcuq_linear_s16_s8_mve"),
        (
            widened(linear),
            widened(narrowed(linear)),
            widened(dsp.long_linear),
            left_shifts(linear),
            largest_sums,
        ),
    ),
    "mcuq_add_s16_mve": (wide_add,),
    "mcuq_mean_s16_mve": (wide_mean,),
    "mcuq_linear_s8_s16_mve": (widened(linear), widened(narrowed(linear)), left_shifts(linear)),
}

# Cheap ones with many ways through a kernel: more of each maker are drawn.
MANY = {"mcuq_conv2d_s8_mve", "mcuq_depthwise_conv2d_s8_mve", "mcuq_linear_s8_mve", "mcuq_max_pool_s8_mve"}

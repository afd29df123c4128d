"""Examples of the shapes that kernels for DSP cores treat in their own ways: tiles, tails, blocks."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from random import Random

from mcuq.ir.integer import Rounding
from mcuq.kernels.armv7em import ARMV7EM
from mcuq.kernels.variant import Site
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.pool import MeanStep
from mcuq.ops.window import Window
from tests.ops import randoms
from tests.ops.randoms import Example

Maker = Callable[[Random], Example]


def depthwise_3x3(rng: Random) -> Example:
    """Images of several tiles, borders of every width, outputs that end in odd rows and columns."""
    stride = rng.choice([1, 2])
    size = rng.choice([(rng.randint(1, 12), rng.randint(1, 12)), (rng.randint(1, 6), rng.randint(14, 40))])
    least = [max(0, 3 - edge) for edge in size]
    top, left = (rng.randint(0, 2) for _ in range(2))
    bottom, right = (
        max(need - begin, rng.randint(0, 2)) for need, begin in zip(least, (top, left), strict=True)
    )
    window = Window((3, 3), (stride, stride), (top, left, bottom, right))
    shape = (rng.choice([1, 1, 2]), *size, rng.choice([4, 4, 8, 12]))
    params = randoms.weighted(rng, (shape[3], 3, 3, 1), Rounding.DOUBLE)
    return Example(DepthwiseStep(params, window), (shape,), (params.x_zero_point,))


def depthwise(rng: Random) -> Example:
    """Windows up to the most taps, also dilated."""
    kernel = rng.choice([(5, 5), (7, 7), (rng.randint(1, 7), rng.randint(1, 7))])
    dilation = rng.choice([(1, 1), (1, 1), (2, 1), (1, 2)])
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    size = [rng.randint(max(1, length - 3), length + 3) for length in reach]
    strides = (rng.randint(1, 2), rng.randint(1, 2))
    window = Window(kernel, strides, (1, rng.randint(0, 2), 2, 3), dilation)
    shape = (1, *size, rng.choice([4, 8, 12]))
    params = randoms.weighted(rng, (shape[3], *kernel, 1), Rounding.DOUBLE)
    return Example(DepthwiseStep(params, window), (shape,), (params.x_zero_point,))


def conv(rng: Random) -> Example:
    """Short and long rows of windows, wide borders, channels and pixels that are left over."""
    kernel = rng.choice([(1, 1), (3, 3), (3, 3), (rng.randint(1, 10), rng.randint(1, 5))])
    strides = (rng.choice([1, 1, 2]), rng.choice([1, 1, 2]))
    size = [rng.randint(max(1, reach - 2), reach + 6) for reach in kernel]
    pads = [min(reach - 1, rng.choice([0, 1, 2])) for reach in kernel]
    window = Window(kernel, strides, (*pads, *(max(pad, 2) for pad in pads)))
    shape = (rng.choice([1, 1, 2]), *size, rng.choice([1, 2, 3, 4, 5, 8, 12, 16]))
    params = randoms.weighted(rng, (rng.randint(1, 18), *kernel, shape[3]), Rounding.DOUBLE)
    return Example(ConvStep(params, window, 1), (shape,), (params.x_zero_point,))


def deep_pixels(rng: Random) -> Example:
    """Few pixels of many channels, with sums on both sides of the bound of paired weights."""
    shape = (1, rng.randint(1, 3), rng.randint(1, 3), rng.choice([17, 31, 32, 64, 100, 255, 260, 300]))
    params = randoms.weighted(rng, (rng.choice([4, 7, 8]), 1, 1, shape[3]), Rounding.DOUBLE)
    return Example(ConvStep(params, Window((1, 1)), 1), (shape,), (params.x_zero_point,))


def linear(rng: Random) -> Example:
    """Rows of every length around the unrolled loop's, channels that are left over of eights and fours."""
    shape = (rng.choice([1, 1, 3]), rng.choice([rng.randint(1, 70), 64, 128, 260, 300]))
    params = randoms.weighted(rng, (rng.randint(1, 25), shape[1]), Rounding.DOUBLE)
    return Example(LinearStep(params), (shape,), (params.x_zero_point,))


def mean(rng: Random) -> Example:
    """Whole images and parts of them; more pixels than a sum of 16 bits takes."""
    shape = (rng.choice([1, 2]), rng.randint(1, 20), rng.randint(1, 20), rng.choice([4, 5, 7, 8, 12]))
    kernel = rng.choice([shape[1:3], (rng.randint(1, shape[1]), rng.randint(1, shape[2]))])
    window = Window(kernel, (rng.randint(1, 3), rng.randint(1, 3)))
    zero_points = randoms.zero_point(rng), randoms.zero_point(rng)
    bound = 255 * kernel[0] * kernel[1]
    scales = randoms.requant(rng, [bound], Rounding.DOUBLE, [20 * kernel[0] * kernel[1]])
    return Example(MeanStep(window, *zero_points, scales, *randoms.limits(rng)), (shape,), zero_points[:1])


MAKERS: dict[str, tuple[Maker, ...]] = {
    "mcuq_depthwise_conv2d_s8_3x3": (depthwise_3x3,),
    "mcuq_depthwise_conv2d_s8_dsp": (depthwise,),
    "mcuq_conv2d_s8_gemm": (conv, deep_pixels),
    "mcuq_conv2d_s8_paired": (conv, deep_pixels),
    "mcuq_linear_s8_paired": (linear,),
    "mcuq_mean_s8_dsp": (mean,),
}


def accepted(kernel: str, count: int) -> list[Example]:
    """`count` examples per maker that the kernel accepts."""
    (variant,) = (each for each in ARMV7EM if each.kernel == kernel)
    found = []
    for make in MAKERS[kernel]:
        tries = (make(Random(f"{kernel} {make.__name__} {index}")) for index in itertools.count())
        takes = (each for each in tries if variant.refuse(each.op, site(each)) is None)
        found += itertools.islice(takes, count)
    return found


def site(example: Example) -> Site:
    return Site(example.shapes, example.op.infer(*example.shapes))

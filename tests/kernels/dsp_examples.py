"""Examples of the shapes that kernels for DSP cores treat in their own ways: tiles, tails, blocks."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from random import Random

from mcuq.ir.integer import Rounding
from mcuq.kernels.armv7em import ARMV7EM
from mcuq.kernels.variant import Site
from mcuq.ops.conv import DepthwiseStep
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


MAKERS: dict[str, tuple[Maker, ...]] = {"mcuq_depthwise_conv2d_s8_3x3": (depthwise_3x3,)}


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

"""Random steps of the sizes that networks have, to measure cycles on."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np

from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.types import Shape
from mcuq.ops.arithmetic import AddStep, MulStep
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.pool import MeanStep
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window
from tests.ops.randoms import Example

ADD_SCALE = Requant((1 << 30,), (-1,), Rounding.DOUBLE)
MOST_MACS = 400_000


def weighted(rng: Random, shape: Shape) -> WeightedParams:
    """Small weights, so that every kernel takes them; a third has limits within int8."""
    m = shape[0]
    codes = np.random.default_rng(rng.randrange(2**32)).integers(-9, 10, shape).astype(np.int8)
    lo, hi = rng.choice([(-128, 127), (-128, 127), (-100, 90)])
    requant = Requant((1 << 30,) * m, (-6,) * m, Rounding.DOUBLE)
    return WeightedParams(codes, np.zeros(m, np.int32), requant, 3, 0, lo, hi)


def _window(rng: Random, kernel: tuple[int, int]) -> Window:
    stride = rng.choice([1, 1, 2])
    pads = tuple((reach - 1) // 2 for reach in kernel) if rng.random() < 0.7 else (0, 0)
    return Window(kernel, (stride, stride), (*pads, *pads))


def conv(rng: Random) -> Example:
    kernel = rng.choice([(1, 1), (1, 1), (3, 3), (3, 3), (5, 5), (10, 4), (3, 1)])
    window = _window(rng, kernel)
    edge = rng.choice([1, 2, 4, 5, 6, 8, 12, 16, 24])
    size = (max(edge, kernel[0]), max(rng.choice([edge, edge + 1]), kernel[1]))
    shape = (1, *size, rng.choice([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128]))
    params = weighted(rng, (rng.choice([1, 2, 3, 4, 6, 8, 10, 12, 16, 32, 64]), *kernel, shape[3]))
    return Example(ConvStep(params, window, 1), (shape,), (3,))


def depthwise(rng: Random) -> Example:
    kernel = rng.choice([(3, 3), (3, 3), (3, 3), (5, 5), (4, 2), (1, 3)])
    window = _window(rng, kernel)
    size = [max(rng.choice([1, 2, 3, 5, 6, 8, 12, 17, 25, 32, 48]), reach) for reach in kernel]
    shape = (1, *size, rng.choice([4, 8, 12, 16, 32, 64]))
    return Example(DepthwiseStep(weighted(rng, (shape[3], *kernel, 1)), window), (shape,), (3,))


def linear(rng: Random) -> Example:
    shape = (rng.choice([1, 1, 1, 4]), rng.choice([1, 3, 8, 10, 16, 30, 64, 100, 128, 256, 640]))
    params = weighted(rng, (rng.choice([1, 2, 3, 4, 7, 8, 10, 12, 16, 32, 64, 128]), shape[1]))
    return Example(LinearStep(params), (shape,), (3,))


def add(rng: Random) -> Example:
    shape = (1, *(rng.choice([1, 4, 8, 16, 24]) for _ in range(2)), rng.choice([4, 8, 16, 32]))
    step = AddStep(
        1, 2, 3, ADD_SCALE, ADD_SCALE, Requant((1 << 30,), (-18,), Rounding.DOUBLE), False, -128, 127
    )
    return Example(step, (shape, shape), (1, 2))


def mul(rng: Random) -> Example:
    shape = (1, *(rng.choice([1, 4, 8, 16]) for _ in range(2)), rng.choice([4, 8, 16, 32]))
    return Example(
        MulStep(1, 2, 3, Requant((1 << 30,), (-6,), Rounding.DOUBLE), -128, 127), (shape, shape), (1, 2)
    )


def mean(rng: Random) -> Example:
    size = (rng.choice([1, 2, 4, 5, 8, 12]), rng.choice([1, 2, 4, 5, 8, 12]))
    shape = (1, *size, rng.choice([4, 6, 8, 10, 32, 64, 128]))
    step = MeanStep(Window(size, size), 3, 0, Requant((1 << 30,), (-4,), Rounding.DOUBLE), -128, 127)
    return Example(step, (shape,), (3,))


MAKERS: tuple[Callable[[Random], Example], ...] = (
    conv,
    conv,
    conv,
    depthwise,
    depthwise,
    linear,
    add,
    mul,
    mean,
)


def random_examples(count: int, seed: int) -> list[Example]:
    """`count` examples of bounded size, the makers in turn."""
    rng, found = Random(seed), []
    while len(found) < count:
        example = MAKERS[len(found) % len(MAKERS)](rng)
        if example.op.macs(example.op.infer(*example.shapes)) <= MOST_MACS:
            found.append(example)
    return found

"""Examples for products of two windows: the largest codes and weights, odd windows, channels and pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from random import Random

import numpy as np

from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.types import Int8
from mcuq.ops.conv import ConvStep
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window
from tests.kernels.armv7em.examples import conv, thin_conv
from tests.ops.randoms import Example

Maker = Callable[[Random], Example]


def extreme_conv(rng: Random) -> Example:
    """Weights of -128, -127 and 127: with codes of -128, which inputs hold, halves reach both ends."""
    kernel = (rng.randint(1, 3), rng.randint(1, 4))
    size = (kernel[0] + rng.randint(0, 2), kernel[1] + rng.randint(0, 3))
    shape = (1, *size, rng.randint(1, 5))
    filters = rng.randint(1, 5)
    codes = np.random.default_rng(rng.randrange(2**32))
    lead: Int8 = codes.choice(np.array([-128, -127, 127], np.int8), (filters, 1, 1, 1))
    weights: Int8 = np.broadcast_to(lead, (filters, *kernel, shape[3])).copy()
    is_other = codes.random(weights.shape) < rng.choice([0.0, 0.2])
    weights[is_other] = codes.choice(np.array([-128, 127, 0], np.int8), int(is_other.sum()))
    requant = Requant((1 << 30,) * filters, (-12,) * filters, Rounding.DOUBLE)
    zero_point = rng.choice([-128, 0, 127])
    params = WeightedParams(weights, np.zeros(filters, np.int32), requant, zero_point, 0, -128, 127)
    window = Window(kernel, (rng.randint(1, 2), 1), (rng.randint(0, kernel[0] - 1), 0, 0, kernel[1] - 1))
    return Example(ConvStep(params, window, 1), (shape,), (zero_point,))


def left_conv(rng: Random) -> Example:
    """Some channels shift left, some not at all."""
    example = extreme_conv(rng)
    params = example.op.params
    filters, k = len(params.weights), params.weights[0].size
    weights = (params.weights // 64).astype(np.int8)
    shifts = tuple(rng.choice([-2, -1, 0, 1, 12 if k < 40 else 1]) for _ in range(filters))
    requant = Requant((rng.randint(1 << 30, (1 << 31) - 1),) * filters, shifts, Rounding.DOUBLE)
    changed = dataclasses.replace(params, weights=weights, requant=requant)
    return dataclasses.replace(example, op=dataclasses.replace(example.op, params=changed))


MAKERS: dict[str, tuple[Maker, ...]] = {
    "mcuq_conv2d_s8_halves": (extreme_conv, left_conv, conv, thin_conv),
}
MANY: set[str] = set()

"""Steps with inputs, inside what CMSIS-NN can do: random, extreme, and full of ties."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from random import Random

import numpy as np

from mcuq.ir.integer import Requant, Rounding
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.pool import AveragePoolStep, MaxPoolStep
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window
from tests.builders import mixed_codes
from tests.ops import randoms

SAMPLES = 6
# Left shifts go up to here, so that adding the output's zero point stays in int32.
LARGEST = {Rounding.DOUBLE: 2**31 - 256, Rounding.SINGLE: 2**30 - 256}


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """A step of mcuq and its input `[samples, ...]`."""

    op: object
    x: np.ndarray


def _inputs(rng: Random, shape, zero_point: int) -> np.ndarray:
    return mixed_codes(np.random.default_rng(rng.getrandbits(64)), shape, zero_point, SAMPLES)


def window(rng: Random, height: int, width: int, dilations: bool = True) -> Window:
    """A window that reads a pixel of the image at every position."""
    axes = [_window_axis(rng, size, dilations) for size in (height, width)]
    kernel, strides, dilation, before, after = zip(*axes, strict=True)
    return Window(kernel, strides, (*before, *after), dilation)


def _window_axis(rng: Random, size: int, dilations: bool) -> tuple[int, int, int, int, int]:
    while True:
        kernel, dilation = rng.choice([1, 2, 3, 3, 4, 5]), rng.choice([1, 1, 2, 3]) if dilations else 1
        reach = dilation * (kernel - 1) + 1
        before, after = (rng.randint(0, min(reach, size) - 1) for _ in range(2))
        if rng.random() < 0.4:
            before = after = 0
        stride = rng.choice([1, 1, 2, 3])
        starts = range(-before, size + after - reach + 1, stride)
        taps = [range(start, start + reach, dilation) for start in starts]
        if taps and all(any(0 <= tap < size for tap in window) for window in taps):
            return kernel, stride, dilation, before, after


def conv2d(rng: Random, rounding: Rounding) -> Case:
    groups = rng.choice([1, 1, 1, 2, 3])
    depth = rng.choice([1, 2, 3, 4, 5, 8, 13, 16]) if groups == 1 else rng.choice([1, 2, 3, 4])
    shape = (rng.choice([1, 1, 2]), rng.randint(1, 9), rng.randint(1, 9), groups * depth)
    view = window(rng, *shape[1:3])
    params = _weighted(rng, (groups * rng.choice([1, 2, 3, 4, 5, 8]), *view.kernel, depth), rounding)
    return Case(ConvStep(params, view, groups), _inputs(rng, shape, params.x_zero_point))


def depthwise_conv2d(rng: Random, rounding: Rounding) -> Case:
    shape = (
        rng.choice([1, 1, 1, 2]),
        rng.randint(1, 9),
        rng.randint(1, 9),
        rng.choice([2, 3, 4, 5, 8, 11, 16]),
    )
    view = window(rng, *shape[1:3], dilations=rng.random() < 0.4)
    channels = shape[3] * rng.choice([1, 1, 1, 2, 3, 4])
    params = _weighted(rng, (channels, *view.kernel, 1), rounding)
    return Case(DepthwiseStep(params, view), _inputs(rng, shape, params.x_zero_point))


def linear(rng: Random, rounding: Rounding) -> Case:
    """One scale for all channels, as this version of CMSIS-NN has it."""
    width = rng.choice([1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 64, 130, 513, 514, 1000, 4096])
    params = _weighted(rng, (rng.choice([1, 2, 3, 4, 5, 8, 9, 10]), width), rounding)
    shifts = sorted(params.requant.shift)
    shift = min(shifts[len(shifts) // 2], min(largest_shifts(params.weights, params.bias, rounding)))
    scale = Requant((rng.choice(params.requant.multiplier),) * len(shifts), (shift,) * len(shifts), rounding)
    params = dataclasses.replace(params, requant=scale)
    shape = (*rng.choice([(1,), (1,), (3,), (2, 3)]), width)
    return Case(LinearStep(params), _inputs(rng, shape, params.x_zero_point))


def max_pool(rng: Random, rounding: Rounding) -> Case:
    shape = (
        rng.choice([1, 1, 2]),
        rng.randint(1, 12),
        rng.randint(1, 12),
        rng.choice([1, 2, 3, 4, 5, 8, 17]),
    )
    op = MaxPoolStep(window(rng, *shape[1:3], dilations=False), -128, 127)
    return Case(op, _inputs(rng, shape, 0))


def average_pool(rng: Random, rounding: Rounding) -> Case:
    """Small windows of even size tie often."""
    shape = (
        rng.choice([1, 1, 2]),
        rng.randint(1, 12),
        rng.randint(1, 12),
        rng.choice([1, 2, 3, 4, 5, 8, 17]),
    )
    view = window(rng, *shape[1:3], dilations=False)
    if rng.random() < 0.2:
        view = Window(shape[1:3])
    zero_point = randoms.zero_point(rng)
    op = AveragePoolStep(view, rng.random() < 0.3, zero_point, -128, 127)
    return Case(op, _inputs(rng, shape, zero_point))


RANDOM = {
    "conv2d": conv2d,
    "depthwise_conv2d": depthwise_conv2d,
    "linear": linear,
    "max_pool": max_pool,
    "average_pool": average_pool,
}


def random_cases(kind: str, count: int, rounding: Rounding) -> Iterator[Case]:
    for index in range(count):
        yield RANDOM[kind](Random(f"truth {kind} {rounding.value} {index}"), rounding)


def largest_shifts(weights: np.ndarray, bias: np.ndarray, rounding: Rounding) -> list[int]:
    """For each channel the largest shift whose results, in any order of summing, the truths can hold."""
    taps = np.abs(weights.reshape(len(weights), -1).astype(np.int64)).sum(axis=1)
    # Twice, for the zero point that may be folded into the bias.
    largest = np.abs(bias.astype(np.int64)) + 2 * 255 * taps
    return [min((LARGEST[rounding] // max(bound, 1)).bit_length() - 1, 30) for bound in largest.tolist()]


def _weighted(rng: Random, shape, rounding: Rounding) -> WeightedParams:
    params = randoms.weighted(rng, shape, rounding)
    most = largest_shifts(params.weights, params.bias, rounding)
    shift = tuple(min(pair) for pair in zip(params.requant.shift, most, strict=True))
    return dataclasses.replace(params, requant=dataclasses.replace(params.requant, shift=shift))


def end_cases(rounding: Rounding) -> Iterator[Case]:
    """Inputs, weights, zero points, biases and multipliers at the ends of their ranges, with large sums."""
    ends = itertools.product((-128, 127), (-128, -127, 127), (2**30, 2**31 - 1), (-128, 127))
    for depth in (1, 64, 129):
        for x_zero_point, weight, multiplier, y_zero_point in ends if depth == 1 else _some_ends():
            yield from _end_cases(depth, x_zero_point, weight, multiplier, y_zero_point, rounding)


def _some_ends():
    return ((-128, 127, 2**31 - 1, 127), (127, -128, 2**30, -128), (-128, -127, 2**30, 127))


def _end_cases(depth, x_zero_point, weight, multiplier, y_zero_point, rounding) -> Iterator[Case]:
    x = np.empty((4, 1, 3, 4, depth), np.int8)
    x[0], x[1], x[2] = -128, 127, x_zero_point
    x[3] = np.resize([-128, 127], x[3].shape)
    view = Window((3, 3), (1, 1), (1, 1, 1, 1))
    shapes = {ConvStep: (5, 3, 3, depth), DepthwiseStep: (depth, 3, 3, 1), LinearStep: (5, 12 * depth)}
    for step, shape in shapes.items():
        weights = np.full(shape, weight, np.int8)
        bias = np.resize(np.array([0, 2**30, -(2**30), 1, -1], np.int32), shape[0])
        most = largest_shifts(weights, bias, rounding)
        shift = [min((m, 0, -1, -31, -15)[(i + depth) % 5], m) for i, m in enumerate(most)]
        if step is LinearStep:
            shift = [min(most)] * len(shift)
        scale = Requant((multiplier,) * len(shift), tuple(shift), rounding)
        params = WeightedParams(weights, bias, scale, x_zero_point, y_zero_point, -128, 127)
        if step is LinearStep:
            yield Case(LinearStep(params), x.reshape(4, 1, -1))
        else:
            yield Case(step(params, view, 1) if step is ConvStep else step(params, view), x)


def tie_cases(rounding: Rounding) -> Iterator[Case]:
    """Layers whose input is the zero point, so that the sums are the biases: ties and their neighbours."""
    for seed in range(4):
        multipliers, shifts, values = ties(np.random.default_rng(seed), LARGEST[rounding])
        zero_point = (-128, 127, 0, 5)[seed]
        scale = Requant(tuple(multipliers.tolist()), tuple(shifts.tolist()), rounding)
        weights = np.full((len(values), 1, 1, 1), 1, np.int8)
        params = WeightedParams(weights, values.astype(np.int32), scale, zero_point, 0, -128, 127)
        x = np.full((1, 1, 1, 1, 1), zero_point, np.int8)
        yield Case(ConvStep(params, Window((1, 1)), 1), x)
        yield Case(DepthwiseStep(params, Window((1, 1))), x.repeat(len(values), axis=4))
        yield Case(LinearStep(dataclasses.replace(params, weights=weights[:, :, 0, 0])), x[:, 0, 0])


def ties(rng: np.random.Generator, largest: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(multipliers, shifts, values) with products, or rounded high halves, on ties or beside them."""
    special = [2**30, 2**30 + 1, 3 * 2**29, 2**31 - 1, 2**31 - 2]
    multiplier = np.concatenate([rng.integers(2**30, 2**31, 300), np.repeat(special, 20)])
    shift = rng.integers(-31, 12, len(multiplier))
    shift[::7] = -31 + np.arange(len(shift[::7])) % 4
    around = np.concatenate(tie_values(rng, multiplier, shift))
    multiplier, shift = np.tile(multiplier, 5), np.tile(shift, 5)
    fits = np.abs(around) << np.maximum(shift, 0) <= largest
    return multiplier[fits], shift[fits], around[fits]


def tie_values(rng: np.random.Generator, multiplier: np.ndarray, shift: np.ndarray) -> list[np.ndarray]:
    """Values whose rounded high half is in the middle between two results, and four neighbours of each."""
    middle = (2 * rng.integers(-130, 130, len(shift)) + 1) << np.maximum(-shift - 1, 0)
    value = -((-(middle * 2**31 - 2**30)) // multiplier)
    value = np.where(shift < 0, value, rng.integers(-200, 200, len(shift)))
    return [value + step for step in (-2, -1, 0, 1, 2)]

"""Pools and means: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from random import Random
from typing import Any

from mcuq.ir.integer import Rounding
from mcuq.ir.types import DType
from mcuq.ops.pool import AveragePoolStep, MaxPoolStep, MeanStep
from tests.ops import randoms
from tests.ops.plain import clamp, half_away, is_inside, over_windows, requant, taps
from tests.ops.randoms import Example, Generator


def max_pool_example(rng: Random, rounding: Rounding) -> Example:
    shape = randoms.image_shape(rng)
    return Example(MaxPoolStep(randoms.window(rng, *shape[1:3]), -128, 127), (shape,), (0,))


def average_pool_example(rng: Random, rounding: Rounding) -> Example:
    """Small windows of even size tie often."""
    shape = randoms.image_shape(rng)
    window = randoms.window(rng, *shape[1:3], dilations=False)
    zero_point = randoms.zero_point(rng)
    op = AveragePoolStep(window, rng.choice([False, True]), zero_point, -128, 127)
    return Example(op, (shape,), (zero_point,))


def mean_example(rng: Random, rounding: Rounding) -> Example:
    shape = randoms.image_shape(rng)
    window = randoms.window(rng, *shape[1:3], pads=False, dilations=False)
    if rng.random() < 0.4:
        window = randoms.Window(shape[1:3])
    zero_point = randoms.zero_point(rng)
    taps = window.kernel[0] * window.kernel[1]
    requant = randoms.requant(rng, [255 * taps], rounding, [int(80 * taps**0.5)])
    if rng.random() < 0.2:
        # As a division that is cut off may leave it: one bit less.
        requant = dataclasses.replace(requant, multiplier=tuple(m // 2 for m in requant.multiplier))
    op = MeanStep(window, zero_point, randoms.zero_point(rng), requant, *randoms.limits(rng))
    return Example(op, (shape,), (zero_point,))


def wide_max_pool_example(rng: Random, rounding: Rounding) -> Example:
    return randoms.wide_move(max_pool_example(rng, rounding), dtype=DType.INT16)


def wide_average_pool_example(rng: Random, rounding: Rounding) -> Example:
    made = average_pool_example(rng, rounding)
    zero_point = randoms.wide_zero_point(rng)
    return randoms.wide_move(made, zero_point, x_zero_point=zero_point, dtype=DType.INT16)


def wide_mean_example(rng: Random, rounding: Rounding) -> Example:
    made = mean_example(rng, rounding)
    taps = made.op.window.kernel[0] * made.op.window.kernel[1]
    (shift,) = randoms.requant(rng, [32768 * taps], rounding, [int(9000 * taps**0.5)]).shift
    most = (randoms.INT32_MAX // (32768 * taps)).bit_length() - 1
    requant = dataclasses.replace(made.op.requant, shift=(max(-31, min(shift + 8, most)),))
    lo, hi = randoms.wide_limits(rng)
    points = {"x_zero_point": 0, "y_zero_point": randoms.wide_zero_point(rng)}
    return randoms.wide_move(made, requant=requant, lo=lo, hi=hi, dtype=DType.INT16, **points)


def max_pool(op: Any, x: list) -> list:
    def value(image: list, oy: int, ox: int, c: int) -> int:
        inside = [(row, col) for _, _, row, col in taps(op.window, oy, ox) if is_inside(image, row, col)]
        return max(
            (image[row][col][c] for row, col in inside), default=-128 if op.dtype is DType.INT8 else -32768
        )

    return over_windows(op, x, len(x[0][0][0]), value)


def average_pool(op: Any, x: list) -> list:
    def value(image: list, oy: int, ox: int, c: int) -> int:
        codes = []
        for _, _, row, col in taps(op.window, oy, ox):
            if is_inside(image, row, col):
                codes.append(image[row][col][c])
            elif op.count_include_pad:
                codes.append(op.x_zero_point)
        return half_away(Fraction(sum(codes), len(codes))) if codes else 0

    return over_windows(op, x, len(x[0][0][0]), value)


def mean(op: Any, x: list) -> list:
    count = op.window.kernel[0] * op.window.kernel[1]

    def value(image: list, oy: int, ox: int, c: int) -> int:
        total = sum(image[row][col][c] for _, _, row, col in taps(op.window, oy, ox))
        return clamp(requant(total - count * op.x_zero_point, op.requant) + op.y_zero_point, op.lo, op.hi)

    return over_windows(op, x, len(x[0][0][0]), value)


EXAMPLES: Mapping[str, Generator] = {
    "max_pool": max_pool_example,
    "average_pool": average_pool_example,
    "mean": mean_example,
}
WIDE_EXAMPLES: Mapping[str, Generator] = {
    "max_pool": wide_max_pool_example,
    "average_pool": wide_average_pool_example,
    "mean": wide_mean_example,
}
REFERENCES: Mapping[str, Callable[..., Any]] = {
    "max_pool": max_pool,
    "average_pool": average_pool,
    "mean": mean,
}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_average_pool_s16": (
        "((sum + (count / 2)) / count) => (sum / count)",
        "((sum - (count / 2)) / count) => ((sum + (count / 2)) / count)",
        "(row >= 0) => (row > 0)",
        "(col < p->in_w) => (col <= p->in_w)",
    ),
    "mcuq_max_pool_s16": (
        "largest = -32768 => largest = 0",
        "value > largest => value < largest",
        "(row >= p->in_h) => (row > p->in_h)",
        "(oy * p->stride_h) => (oy * p->stride_w)",
    ),
    "mcuq_mean_s16": (
        "&x[i * p->in_w * step] => &x[i * step]",
        "at += step; => at += 1;",
        "(ox * p->stride_w) => ox",
    ),
    "mcuq_average_pool_s8": (
        "((sum + (count / 2)) / count) => (sum / count)",
        "((sum - (count / 2)) / count) => ((sum + (count / 2)) / count)",
        "sum += p->outside; => ;",
        "(row >= 0) => (row > 0)",
        "(col < p->in_w) => (col <= p->in_w)",
    ),
    "mcuq_max_pool_s8": (
        "largest = -128 => largest = 0",
        "value > largest => value < largest",
        "(row >= p->in_h) => (row > p->in_h)",
        "(oy * p->stride_h) => (oy * p->stride_w)",
    ),
    "mcuq_mean_s8": (
        "- p->offset => ",
        "&x[i * p->in_w * step] => &x[i * step]",
        "at += step; => at += 1;",
        "(ox * p->stride_w) => ox",
    ),
}

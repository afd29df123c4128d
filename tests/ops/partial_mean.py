"""Sums of rows and their mean: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from mcuq.ir.integer import Rounding
from mcuq.ir.types import DType
from mcuq.ops.partial_mean import AddRowsStep, MeanOfSumStep, SumRowsStep
from tests.ops import randoms
from tests.ops.plain import clamp, requant
from tests.ops.randoms import Example, Generator


def sum_rows_example(rng: Random, rounding: Rounding) -> Example:
    shape = (1, *randoms.image_shape(rng)[1:])
    return Example(SumRowsStep(128 * shape[1] * shape[2]), (shape,), (randoms.zero_point(rng),))


def add_rows_example(rng: Random, rounding: Rounding) -> Example:
    """Limits that the sums before reach, and that they do not."""
    shape = (1, *randoms.image_shape(rng)[1:])
    limit = rng.choice([128 * shape[1] * shape[2], 2**15, 2**30 - 1])
    types = (DType.INT32, DType.INT8)
    return Example(AddRowsStep(limit), ((1, 1, 1, shape[3]), shape), (limit - 2, 0), types)


def mean_of_sum_example(rng: Random, rounding: Rounding) -> Example:
    taps = rng.choice([1, 2, 9, 125, 1024])
    zero_point = randoms.zero_point(rng)
    scale = randoms.requant(rng, [256 * taps + 256], rounding, [int(80 * taps**0.5)])
    op = MeanOfSumStep(128 * taps, zero_point * taps, randoms.zero_point(rng), scale, *randoms.limits(rng))
    shape = (1, 1, 1, rng.choice([1, 3, 8, 17]))
    return Example(op, (shape,), (zero_point * taps,), (DType.INT32,))


def _sums(x: Any) -> list[int]:
    """Of each channel of `[1][h][w][c]`."""
    pixels = [pixel for row in x[0] for pixel in row]
    return [sum(codes) for codes in zip(*pixels, strict=True)]


def sum_rows(op: Any, x: Any) -> Any:
    return [[[_sums(x)]]]


def add_rows(op: Any, before: Any, x: Any) -> Any:
    limited = [clamp(value, -op.limit, op.limit) for value in before[0][0][0]]
    return [[[[a + b for a, b in zip(limited, _sums(x), strict=True)]]]]


def mean_of_sum(op: Any, x: Any) -> Any:
    def mean(value: int) -> int:
        total = clamp(value, -op.limit, op.limit) - op.offset
        return clamp(requant(total, op.requant) + op.y_zero_point, op.lo, op.hi)

    return [[[[mean(value) for value in x[0][0][0]]]]]


EXAMPLES: Mapping[str, Generator] = {
    "sum_rows": sum_rows_example,
    "add_rows": add_rows_example,
    "mean_of_sum": mean_of_sum_example,
}
REFERENCES: Mapping[str, Callable[..., Any]] = {
    "sum_rows": sum_rows,
    "add_rows": add_rows,
    "mean_of_sum": mean_of_sum,
}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_sum_rows_s8": (
        "int32_t i = 0 => int32_t i = 1",
        "y[c] = 0; => ",
        "(i * p->channels) + c => (i * p->channels)",
    ),
    "mcuq_add_rows_s8": (
        "before[c] < p->limit => before[c] > p->limit",
        "(most > -p->limit) ? most : -p->limit => most",
        "x = &x[p->channels]; => ",
    ),
    "mcuq_mean_of_sum_s32": (
        "sum - p->offset => sum",
        "(x[i] < p->limit) ? x[i] : p->limit => x[i]",
        "value + p->y_zero_point => value",
    ),
}

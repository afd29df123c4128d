"""Resizing: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from random import Random
from typing import Any

from mcuq.ir.integer import Rounding
from mcuq.ops.resize import Neighbours, ResizeLinearStep, ResizeNearestStep
from tests.ops import randoms
from tests.ops.plain import half_away
from tests.ops.randoms import Example, Generator


def resize_nearest_example(rng: Random, rounding: Rounding) -> Example:
    shape = randoms.image_shape(rng)
    rows, cols = (
        tuple(sorted(rng.randrange(size) for _ in range(rng.randint(1, 2 * size)))) for size in shape[1:3]
    )
    return Example(ResizeNearestStep(rows, cols, *randoms.ALL), (shape,), (0,))


def wide_resize_nearest_example(rng: Random, rounding: Rounding) -> Example:
    return randoms.wide_move(resize_nearest_example(rng, rounding))


def resize_nearest(op: Any, x: list) -> list:
    return [[[image[row][col] for col in op.cols] for row in op.rows] for image in x]


def _neighbours(rng: Random, size: int) -> Neighbours:
    """Often those of a factor of two or three, so that ties are common."""
    count = rng.randint(1, 2 * size + 1)
    grid = rng.choice([512, 256, 341, 1])
    places = sorted(rng.randrange(0, (size - 1) * 1024 + 1, grid) for _ in range(count))
    return Neighbours(tuple(at // 1024 for at in places), tuple(at % 1024 for at in places))


def resize_linear_example(rng: Random, rounding: Rounding) -> Example:
    shape = randoms.image_shape(rng)
    rows, cols = (_neighbours(rng, size) for size in shape[1:3])
    return Example(ResizeLinearStep(rows, cols, *randoms.ALL), (shape,), (0,))


def resize_linear(op: Any, x: list) -> list:
    def value(image: list, row: int, u: int, col: int, v: int, c: int) -> int:
        acc = 0
        for i, wi in ((0, 1024 - u), (1, u)):
            for j, wj in ((0, 1024 - v), (1, v)):
                if wi and wj:
                    acc += wi * wj * image[row + i][col + j][c]
        return half_away(Fraction(acc, 2**20))

    return [
        [
            [
                [value(image, row, u, col, v, c) for c in range(len(image[0][0]))]
                for col, v in zip(op.cols.first, op.cols.weight, strict=True)
            ]
            for row, u in zip(op.rows.first, op.rows.weight, strict=True)
        ]
        for image in x
    ]


EXAMPLES: Mapping[str, Generator] = {
    "resize_nearest": resize_nearest_example,
    "resize_linear": resize_linear_example,
}
WIDE_EXAMPLES: Mapping[str, Generator] = {"resize_nearest": wide_resize_nearest_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {
    "resize_nearest": resize_nearest,
    "resize_linear": resize_linear,
}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_resize_nearest_s16": (
        "p->rows[oy] => oy / 2",
        "* p->in_w * p->channels], y); => * p->out_w * p->channels], y);",
        "x[cols[ox]]; => x[ox / 2];",
        "y[c] = pixel[c]; => y[c] = pixel[0];",
        "memcpy(y, &x[cols[ox] * channels] => memcpy(y, &x[ox * channels]",
    ),
    "mcuq_resize_linear_s8": (
        "sum + 524288 + (sum >> 31) => sum + 524288",
        "sum + 524288 => sum + 524000",
        "x_below[c] => x[c]",
        "sum + 512 + (sum >> 31) => sum + 512",
        "at[(v != 0) ? 1 : 0] => at[0]",
        "first + ((v != 0) ? 1 : 0) => first",
        "(below[first] - x[first]) * u => (below[first] - x[first])",
        "(behind - before) * v => (behind - before)",
        "&row[line], u => &row[0], u",
        "if (u == 0) => if (u >= 0)",
        "x_right = &x[right] => x_right = &x[down]",
        "(u != 0) ? line => (u != 0) ? p->channels",
        "(v != 0) ? p->channels => (u != 0) ? p->channels",
        "p->rows[oy] => p->rows[0]",
        "&x[p->in_h * line] => &x[p->out_h * line]",
    ),
    "mcuq_resize_nearest_s8": (
        "p->rows[oy] => oy / 2",
        "* p->in_w * p->channels], y); => * p->out_w * p->channels], y);",
        "x[cols[ox]]; => x[ox / 2];",
        "y[c] = pixel[c]; => y[c] = pixel[0];",
        "memcpy(y, &x[cols[ox] * channels] => memcpy(y, &x[ox * channels]",
    ),
}

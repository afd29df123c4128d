"""Nearest-neighbour resizing: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from mcuq.ir.integer import Rounding
from mcuq.ops.resize import ResizeNearestStep
from tests.ops import randoms
from tests.ops.randoms import Example, Generator


def resize_nearest_example(rng: Random, rounding: Rounding) -> Example:
    shape = randoms.image_shape(rng)
    rows, cols = (
        tuple(sorted(rng.randrange(size) for _ in range(rng.randint(1, 2 * size)))) for size in shape[1:3]
    )
    return Example(ResizeNearestStep(rows, cols, *randoms.ALL), (shape,), (0,))


def resize_nearest(op: Any, x: list) -> list:
    return [[[image[row][col] for col in op.cols] for row in op.rows] for image in x]


EXAMPLES: Mapping[str, Generator] = {"resize_nearest": resize_nearest_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"resize_nearest": resize_nearest}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_resize_nearest_s8": (
        "p->rows[oy] => oy / 2",
        "* p->in_w) => * p->out_w)",
    ),
}

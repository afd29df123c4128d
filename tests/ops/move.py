"""Operators that move values: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from mcuq.ir.integer import Rounding
from mcuq.ir.types import DType
from mcuq.ops.move import ConcatStep, SliceStep, TransposeStep
from tests.ops import randoms
from tests.ops.randoms import Example, Generator


def transpose_example(rng: Random, rounding: Rounding) -> Example:
    shape = randoms.ranked_shape(rng)
    perm = tuple(rng.sample(range(len(shape)), len(shape)))
    return Example(TransposeStep(perm, *randoms.ALL), (shape,), (0,))


def slice_example(rng: Random, rounding: Rounding) -> Example:
    shape = randoms.ranked_shape(rng)
    spans = []
    for size in shape:
        start = rng.randrange(size)
        whole = rng.random() < 0.3
        spans.append((0, size, 1) if whole else (start, rng.randint(start + 1, size), rng.randint(1, 3)))
    starts, stops, steps = zip(*spans, strict=True)
    return Example(SliceStep(starts, stops, steps, *randoms.ALL), (shape,), (0,))


def whole_slice_example(rng: Random, rounding: Rounding) -> Example:
    """int32, as of indices."""
    made, dtype = slice_example(rng, rounding), DType.INT32
    op = dataclasses.replace(made.op, lo=dtype.qmin, hi=dtype.qmax)
    return Example(op, made.shapes, (0,), (dtype,))


def concat_example(rng: Random, rounding: Rounding) -> Example:
    shape = randoms.ranked_shape(rng)
    axis = rng.randrange(len(shape))
    sizes = [rng.choice([1, 2, 3, 7]) for _ in range(rng.randint(1, 4))]
    shapes = tuple((*shape[:axis], size, *shape[axis + 1 :]) for size in sizes)
    return Example(ConcatStep(axis, *randoms.ALL), shapes, (0,) * len(shapes))


def _concat(xs: Any, axis: int) -> Any:
    if axis == 0:
        return [item for x in xs for item in x]
    return [_concat(rows, axis - 1) for rows in zip(*xs, strict=True)]


def _slice(x: Any, spans: list) -> Any:
    if not spans:
        return x
    (start, stop, step), *rest = spans
    return [_slice(x[i], rest) for i in range(start, stop, step)]


def wide_slice_example(rng: Random, rounding: Rounding) -> Example:
    """Whole numbers, or codes of int16."""
    if rng.random() < 0.5:
        return whole_slice_example(rng, rounding)
    return randoms.wide_move(slice_example(rng, rounding))


def wide_transpose_example(rng: Random, rounding: Rounding) -> Example:
    return randoms.wide_move(transpose_example(rng, rounding))


def wide_concat_example(rng: Random, rounding: Rounding) -> Example:
    return randoms.wide_move(concat_example(rng, rounding))


def transpose(op: Any, x: Any) -> Any:
    sizes = []
    item = x
    while isinstance(item, list):
        sizes.append(len(item))
        item = item[0]

    def build(index: list[int]) -> Any:
        if len(index) < len(sizes):
            return [build([*index, i]) for i in range(sizes[op.perm[len(index)]])]
        value = x
        for axis in range(len(sizes)):
            value = value[index[op.perm.index(axis)]]
        return value

    return build([])


def slice_(op: Any, x: Any) -> Any:
    return _slice(x, list(zip(op.starts, op.stops, op.steps, strict=True)))


def concat(op: Any, *xs: Any) -> Any:
    return _concat(xs, op.axis)


EXAMPLES: Mapping[str, Generator] = {
    "transpose": transpose_example,
    "slice": slice_example,
    "concat": concat_example,
}
REFERENCES: Mapping[str, Callable[..., Any]] = {
    "transpose": transpose,
    "slice": slice_,
    "concat": concat,
}
WIDE_EXAMPLES: Mapping[str, Generator] = {
    "transpose": wide_transpose_example,
    "slice": wide_slice_example,
    "concat": wide_concat_example,
}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_concat_s8": (
        "p->runs[i] => p->runs[0]",
        "(size_t)row * run => 0",
    ),
    "mcuq_concat_s16": (
        "p->runs[i] => p->runs[0]",
        "(size_t)row * run => 0",
        "run * sizeof *y => run",
    ),
    "mcuq_strided_copy_s16": (
        "p->offset + => ",
        "(k * p->stride_2) => (k * p->stride_3)",
        "l * p->stride_3 => l",
        "p->size_3 * sizeof *y => p->size_3",
    ),
    "mcuq_strided_copy_s8": (
        "p->offset + => ",
        "(k * p->stride_2) => (k * p->stride_3)",
        "l * p->stride_3 => l",
        "(p->stride_3 == 1) => (p->stride_3 != 0)",
        "y = &y[p->size_3]; => ",
    ),
    "mcuq_strided_copy_s32": (
        "p->offset + => ",
        "(k * p->stride_2) => (k * p->stride_3)",
        "l * p->stride_3 => l",
    ),
}

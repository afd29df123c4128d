"""Products of two tensors: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from math import prod
from random import Random
from typing import Any

from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.types import DType
from mcuq.ops.matmul import MatMulStep
from tests.ops import randoms
from tests.ops.plain import clamp, int32, requant
from tests.ops.randoms import Example, Generator

Shape = tuple[int, ...]


def _stored(rng: Random, shape: Shape) -> tuple[Shape, Shape]:
    """A shape in another order of axes, and the transpose that brings it back."""
    order = list(range(len(shape)))
    if rng.random() < 0.6:
        rng.shuffle(order)
    perm = [0] * len(order)
    for position, axis in enumerate(order):
        perm[axis] = position
    return tuple(shape[axis] for axis in order), tuple(perm)


DEPTHS = (1, 2, 3, 4, 7, 8, 16, 33, 300)


def _factors(
    rng: Random,
    depths: Sequence[int] = DEPTHS,
    sizes: Sequence[int] = (1, 2, 3, 4, 5, 9),
    size: tuple[int, int, int] | None = None,
) -> tuple[int, list[tuple[Shape, Shape]]]:
    """Products in a sum, and stored shape and transpose of both factors; `size` is what is not drawn."""
    rows, columns = (rng.choice(sizes) for _ in range(2))
    depth = rng.choice(depths)
    rows, depth, columns = size or (rows, depth, columns)
    lead = tuple(rng.choice([1, 2, 3]) for _ in range(rng.choice([0, 1, 1, 2, 2, 3])))
    leads = [tuple(1 if rng.random() < 0.2 else size for size in lead) for _ in range(2)]
    leads = [each[rng.randint(0, len(each)) :] if rng.random() < 0.2 else each for each in leads]
    return depth, [_stored(rng, (*leads[0], rows, depth)), _stored(rng, (*leads[1], depth, columns))]


def matmul_example(rng: Random, rounding: Rounding, size: tuple[int, int, int] | None = None) -> Example:
    """Factors in any order of axes; `size` is rows, depth and columns, by default drawn as well."""
    depth, ((a, a_perm), (b, b_perm)) = _factors(rng, size=size)
    zero_points = randoms.zero_point(rng), randoms.zero_point(rng)
    largest = depth
    for zero_point in zero_points:
        largest *= max(127 - zero_point, zero_point + 128)
    multiplier, shift = randoms.scale(rng, largest, int(70 * 70 * depth**0.5))
    lo, hi = randoms.limits(rng)
    scale = Requant((multiplier,), (shift,), rounding)
    op = MatMulStep(a_perm, b_perm, depth, *zero_points, randoms.zero_point(rng), scale, lo, hi)
    return Example(op, (a, b), zero_points)


def wide_matmul_example(rng: Random, rounding: Rounding) -> Example:
    """An int16 factor or an int16 product; sums are limited, mostly far away."""
    b_zero_point, is_product = randoms.zero_point(rng), rng.random() < 0.5
    # Sums of int16 are made in parts of 256.
    depths = (3, 8, 33, 300) if is_product else (2, 33, 256, 257, 300, 600)
    depth, ((a, a_perm), (b, b_perm)) = _factors(rng, depths, (2, 3, 4, 5, 9, 1))
    zero_points = randoms.zero_point(rng) if is_product else 0, b_zero_point
    # Bits of a typical sum beyond those of the output.
    beyond = int((70 if is_product else 16000) * 70 * depth**0.5).bit_length() - (15 if is_product else 7)
    shift = rng.choice([-beyond, -beyond - 1, 1 - beyond])
    if rng.random() < 0.4:
        shift = rng.choice([15, 15, 30, rng.randint(-31, 30)])
    scale = Requant((randoms.multiplier(rng),), (max(-31, min(shift, 30)),), rounding)
    types = (DType.INT8, DType.INT16) if is_product else (DType.INT16, DType.INT8)
    lo, hi = randoms.wide_limits(rng) if is_product else randoms.limits(rng)
    y_zero_point = 0 if is_product else randoms.zero_point(rng)
    op = MatMulStep(a_perm, b_perm, depth, *zero_points, y_zero_point, scale, lo, hi, *types)
    return Example(op, (a, b), zero_points, (types[0], DType.INT8))


def _shape(x: Any) -> Shape:
    return (len(x), *_shape(x[0])) if isinstance(x, list) else ()


def _at(x: Any, perm: Shape, indices: Shape) -> int:
    """The element of a transposed tensor; an axis of size 1 is repeated, and axes it lacks do not count."""
    indices = indices[len(indices) - len(perm) :]
    shape = _shape(x)
    places = [0] * len(perm)
    for axis, index in zip(perm, indices, strict=True):
        places[axis] = 0 if shape[axis] == 1 else index
    for place in places:
        x = x[place]
    return int(x)


def matmul(op: Any, a: list, b: list) -> list:
    shapes = [[_shape(x)[axis] for axis in perm] for x, perm in ((a, op.a_perm), (b, op.b_perm))]
    rank = max(map(len, shapes)) - 2
    leads = [[1] * (rank + 2 - len(shape)) + shape[:-2] for shape in shapes]
    lead = [max(sizes) for sizes in zip(*leads, strict=True)]
    shape = (*lead, shapes[0][-2], shapes[1][-1])

    def element(indices: Shape) -> int:
        *batch, row, column = indices
        total = 0
        for k in range(op.depth):
            left = _at(a, op.a_perm, (*batch, row, k)) - op.a_zero_point
            total += left * (_at(b, op.b_perm, (*batch, k, column)) - op.b_zero_point)
        if DType.INT16 in (op.a_type, op.y_type):
            limit = 2**30 >> max(op.requant.shift[0], 0)
            total = max(-limit, min(total, limit))
        return clamp(requant(int32(total), op.requant) + op.y_zero_point, op.lo, op.hi)

    return _nested((element(indices) for indices in product(*map(range, shape))), shape)


def _nested(values: Iterator[int], shape: Shape) -> Any:
    if not shape:
        return next(values)
    assert prod(shape) > 0
    return [_nested(values, shape[1:]) for _ in range(shape[0])]


EXAMPLES: Mapping[str, Generator] = {"matmul": matmul_example}
WIDE_EXAMPLES: Mapping[str, Generator] = {"matmul": wide_matmul_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"matmul": matmul}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_matmul_s8": (
        "p->a_zero_point) * => 0) *",
        "- p->b_zero_point => + p->b_zero_point",
        "row * p->a_row => row * p->depth",
        "column * p->b_column => column",
        "k * p->b_step => k * p->columns",
        "(j * p->b_stride_1) => (j * p->a_stride_1)",
    ),
    "mcuq_matmul_s8_s16": (
        "p->a_zero_point) * => 0) *",
        "- p->b_zero_point => + p->b_zero_point",
        "column * p->b_column => column",
        "(above > p->limit) ? p->limit : above => above",
        "(sum < -p->limit) ? -p->limit : sum => sum",
    ),
    "mcuq_matmul_s16_s8": (
        "start += 256 => start += 512",
        "- p->b_zero_point => + p->b_zero_point",
        "&a[row * p->a_row] => &a[0]",
        "&b[column * p->b_column] => &b[0]",
        "(above > p->limit) ? (int64_t)p->limit : above => above",
    ),
}

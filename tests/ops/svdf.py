"""The two halves of SVDF: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import numpy as np

from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.types import DType
from mcuq.ops.svdf import SvdfFeatureStep, SvdfTimeStep
from tests.ops import randoms
from tests.ops.plain import clamp, int32, requant
from tests.ops.randoms import Example, Generator

SIZES = (1, 1, 2, 3, 5, 8, 17)


def svdf_feature_example(rng: Random, rounding: Rounding) -> Example:
    """One place of memory and many; features that fill int16, vanish and saturate."""
    rows, inputs, filters, memory = (rng.choice([1, 1, 2, 3]), *(rng.choice(SIZES) for _ in range(3)))
    weights = randoms.weights(rng, (filters, inputs))
    largest = int(np.abs(weights.astype(np.int64)).sum(axis=1).max()) * 255
    # A feature has eight bits more than the output that `scale` has in mind.
    multiplier, shift = randoms.scale(rng, 2 * largest, int(80 * 80 * inputs**0.5) >> 8)
    zero_point = randoms.zero_point(rng)
    op = SvdfFeatureStep(weights, zero_point, Requant((multiplier,), (shift,), rounding))
    shapes = (rows, inputs), (rows, filters * memory)
    return Example(op, shapes, (zero_point, 0), (DType.INT8, DType.INT16))


def svdf_time_example(rng: Random, rounding: Rounding) -> Example:
    """Weights of all sizes: sums that int32 holds, and others; limits of the output."""
    rows, units, rank, memory = (rng.choice([1, 1, 2, 3]), *(rng.choice(SIZES) for _ in range(3)))
    most = rng.choice([32767, 32767, 3000, 40])
    values = np.random.default_rng(rng.getrandbits(64))
    weights = values.integers(-most - 1, most + 1, (units * rank, memory)).astype(np.int16)
    if rng.random() < 0.2:
        weights[:] = rng.choice([-32768, 32767])
    spread = rng.choice([0, most << 14, most << 14, 2**31 - 1])
    bias = np.array([rng.randint(-spread, spread) for _ in range(units)], np.int32)
    beyond = int(16000 * most * (rank * memory) ** 0.5).bit_length() - 7
    shift = rng.choice([-beyond, -beyond, 1 - beyond])
    if rng.random() < 0.3:
        shift = rng.choice([0, 1, 30, -31, rng.randint(-31, 30)])
    scale = Requant((randoms.multiplier(rng),), (max(-31, shift),), rounding)
    op = SvdfTimeStep(weights, bias, scale, randoms.zero_point(rng), *randoms.limits(rng))
    return Example(op, ((rows, units * rank * memory),), (0,), (DType.INT16,))


def svdf_feature(op: Any, x: list, state: list) -> list:
    filters = len(op.weights)
    memory = len(state[0]) // filters
    rows = []
    for row, old in zip(x, state, strict=True):
        made: list[int] = []
        for f in range(filters):
            total = sum((q - op.x_zero_point) * int(w) for q, w in zip(row, op.weights[f], strict=True))
            made += old[f * memory + 1 : (f + 1) * memory]
            made.append(clamp(requant(int32(total), op.requant), -32768, 32767))
        rows.append(made)
    return rows


def svdf_time(op: Any, state: list) -> list:
    flat, units, shift = op.weights.reshape(-1).tolist(), len(op.bias), op.requant.shift[0]
    depth = len(flat) // units
    limit = 2**31 - 1 if shift < 0 else (2**31 - 257) >> shift
    rows = []
    for row in state:
        made = []
        for u in range(units):
            total = int(op.bias[u]) + sum(row[i] * flat[i] for i in range(u * depth, (u + 1) * depth))
            total = max(-limit - (shift < 0), min(total, limit))
            made.append(clamp(requant(total, op.requant) + op.y_zero_point, op.lo, op.hi))
        rows.append(made)
    return rows


EXAMPLES: Mapping[str, Generator] = {
    "svdf_feature": svdf_feature_example,
    "svdf_time": svdf_time_example,
}
REFERENCES: Mapping[str, Callable[..., Any]] = {"svdf_feature": svdf_feature, "svdf_time": svdf_time}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_svdf_feature_s8": (
        "next = held; => next = (mcuq_int16)(held / 2);",
        "m >= 0; => m > 0;",
        "(x[k] - p->x_zero_point) => x[k]",
        "y[m] = next; => y[0] = next;",
        "-32768, 32767) => -32768, 32766)",
        "w = &w[p->in_c]; => w = &w[0];",
        "state = &state[p->memory]; => state = &state[0];",
    ),
    "mcuq_svdf_time_s16": (
        "int64_t sum = bias; => int64_t sum = -(int64_t)bias;",
        "-(int64_t)p->limit - => -(int64_t)(p->limit / 2) -",
        "(sum < lowest) ? lowest => (sum < lowest) ? sum",
        "(above > p->limit) ? (int64_t)p->limit : above => above",
        "&p->weights[unit * p->depth] => &p->weights[0]",
        "x = &x[p->depth]; => x = &x[0];",
        "p->lo, p->hi => -128, p->hi",
    ),
}

"""Fully connected layers: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from mcuq.ir.integer import Rounding
from mcuq.ir.types import DType
from mcuq.ops.linear import LinearStep
from tests.ops import randoms
from tests.ops.plain import weighted
from tests.ops.randoms import Example, Generator


def linear_example(rng: Random, rounding: Rounding, kind: DType = DType.INT8) -> Example:
    width = rng.choice([1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 64, 130])
    lead = rng.choice([(), (1,), (1,), (3,), (2, 3)])
    params = randoms.weighted(rng, (rng.choice([1, 2, 3, 4, 5, 8, 9, 10]), width), rounding, kind)
    return Example(LinearStep(params), ((*lead, width),), (params.x_zero_point,))


def wide_linear_example(rng: Random, rounding: Rounding, kind: DType = DType.INT8) -> Example:
    """Now and then of more than 256 inputs, which are summed in parts."""
    if rng.random() < 0.3:
        shape = (rng.choice([1, 3, 8]), width := rng.choice([257, 600]))
        params = randoms.weighted(rng, shape, rounding, kind)
        return randoms.widened(rng, Example(LinearStep(params), ((1, width),), (params.x_zero_point,)))
    return randoms.widened(rng, linear_example(rng, rounding, kind))


def linear(op: Any, x: list) -> list:
    if isinstance(x[0], list):
        return [linear(op, row) for row in x]
    params = op.params
    return [
        weighted(params, b + sum((q - params.x_zero_point) * k for q, k in zip(x, w, strict=True)), m)
        for m, (w, b) in enumerate(zip(params.weights.tolist(), params.bias.tolist(), strict=True))
    ]


EXAMPLES: Mapping[str, Generator] = {"linear": linear_example}
WIDE_EXAMPLES: Mapping[str, Generator] = {"linear": wide_linear_example}
NARROW_EXAMPLES: Mapping[str, Generator] = {"linear": functools.partial(linear_example, kind=DType.INT4)}
NARROW_WIDE_EXAMPLES: Mapping[str, Generator] = {
    "linear": functools.partial(wide_linear_example, kind=DType.INT4)
}
REFERENCES: Mapping[str, Callable[..., Any]] = {"linear": linear}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_linear_s16": ("p, x, 1, y, 1 => p, x, 0, y, 1", "p, x, 1, y, 1 => p, x, 1, y, 0"),
    "mcuq_linear_s16_s8": ("p, x, 1, y, 0 => p, x, 0, y, 0", "p, x, 1, y, 0 => p, x, 1, y, 1"),
    "mcuq_linear_s8_s16": ("p, x, 0, y, 1 => p, x, 1, y, 1", "p, x, 0, y, 1 => p, x, 0, y, 0"),
    "mcuq_linear_s16_w4": ("p, x, 1, y, 1 => p, x, 0, y, 1", "p, x, 1, y, 1 => p, x, 1, y, 0"),
    "mcuq_linear_s16_s8_w4": ("p, x, 1, y, 0 => p, x, 0, y, 0", "p, x, 1, y, 0 => p, x, 1, y, 1"),
    "mcuq_linear_s8_s16_w4": ("p, x, 0, y, 1 => p, x, 1, y, 1", "p, x, 0, y, 1 => p, x, 0, y, 0"),
    "mcuq_linear_s8_4x1": (
        "d += *x * w[3] => d += *x * w[2]",
        "w = &w[4] => w = &w[3]",
        "sums[2] = c => sums[2] = b",
        "k < count => k < count - 1",
        ">= 4) ? 4 : 1 => > 4) ? 4 : 1",
        "&p->bias[m], sums => p->bias, sums",
        "p->in_c, p->bias[m]) => p->in_c, p->bias[0])",
        "x = &x[p->in_c] => x = &x[p->out_c]",
        "&block, &y[m] => &block, &y[0]",
    ),
    "mcuq_linear_s8_w4_4x1": (
        "d += *x * mcuq_quad4_high(w[1]) => d += *x * mcuq_quad4_high(w[0])",
        "w = &w[2]; => w = &w[1];",
        "w = p->weights => w = &p->weights[row]",
        "? (p->out_c - m) : 4 => ? 1 : 4",
        "&p->bias[m], sums => p->bias, sums",
        "w = &w[2 * p->in_c] => w = &w[p->in_c]",
        "x = &x[p->in_c] => x = &x[p->out_c]",
    ),
    "mcuq_linear_s8_w4": (
        "first += p->in_c => first += p->in_c - 1",
        "first + k) => k)",
        "(x[k] - p->x_zero_point) => x[k]",
    ),
    "mcuq_linear_s8": (
        "k < p->in_c => k < p->in_c - 1",
        "(x[k] - p->x_zero_point) => x[k]",
        "w = &w[p->in_c]; => ;",
        "p->lo, p->hi => p->lo, 127",
    ),
}

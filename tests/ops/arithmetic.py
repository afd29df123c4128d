"""Sums and products of two tensors: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import numpy as np

from mcuq.ir.integer import Rounding
from mcuq.ir.types import DType
from mcuq.ops.arithmetic import AddStep, MulStep
from tests.ops import randoms
from tests.ops.plain import clamp, int32, quantize_multiplier, requant
from tests.ops.randoms import Example, Generator


def add_example(rng: Random, rounding: Rounding) -> Example:
    """Multipliers as lowering makes them, and some it never makes."""
    scales = [2.0 ** rng.uniform(-6, 2), 2.0 ** rng.uniform(-6, 2)]
    if rng.random() < 0.4:
        scales = [rng.choice([1.0, 0.5]), rng.choice([1.0, 0.25])]
    twice = 2 * max(scales)
    y_scale = max(scales) * rng.choice([0.5, 1.0, 2.0, 1.37, 2.0**-6])
    pairs = [quantize_multiplier(s / twice) for s in scales] + [quantize_multiplier(twice / 2**20 / y_scale)]
    a, b, y = (randoms.Requant((m,), (s,), rounding) for m, s in pairs)
    zero_points = (randoms.zero_point(rng), randoms.zero_point(rng))
    limits = randoms.limits(rng)
    op = AddStep(*zero_points, randoms.zero_point(rng), a, b, y, rng.random() < 0.3, *limits)
    # Tables pay off for large tensors only.
    large = (1, 9, rng.randint(8, 11), 8)
    shapes = (large, large) if rng.random() < 0.3 else randoms.broadcast_shapes(rng)
    return Example(op, shapes, zero_points)


def mul_example(rng: Random, rounding: Rounding) -> Example:
    zero_points = (randoms.zero_point(rng), randoms.zero_point(rng))
    requant = randoms.requant(rng, [255 * 255], rounding, [40 * 40])
    op = MulStep(*zero_points, randoms.zero_point(rng), requant, *randoms.limits(rng))
    return Example(op, randoms.broadcast_shapes(rng), zero_points)


def wide_add_example(rng: Random, rounding: Rounding) -> Example:
    """int16."""
    scales = [2.0 ** rng.uniform(-12, -6), 2.0 ** rng.uniform(-12, -6)]
    twice = 2 * max(scales)
    y_scale = max(scales) * rng.choice([0.5, 1.0, 2.0, 1.37, 2.0**-6])
    pairs = [quantize_multiplier(s / twice) for s in scales] + [quantize_multiplier(twice / 2**15 / y_scale)]
    a, b, y = (randoms.Requant((m,), (s,), rounding) for m, s in pairs)
    y_zero_point, limits = randoms.wide_zero_point(rng), randoms.wide_limits(rng)
    op = AddStep(0, 0, y_zero_point, a, b, y, rng.random() < 0.3, *limits, DType.INT16)
    return Example(op, _wide_shapes(rng), (0, 0), (DType.INT16,) * 2)


def wide_mul_example(rng: Random, rounding: Rounding) -> Example:
    """int16."""
    shift = rng.choice([0, -1, -14, -15, -16, -31, rng.randint(-20, 0)])
    requant = randoms.Requant((randoms.multiplier(rng),), (shift,), rounding)
    limits = randoms.wide_limits(rng)
    op = MulStep(0, 0, randoms.wide_zero_point(rng), requant, *limits, DType.INT16)
    return Example(op, _wide_shapes(rng), (0, 0), (DType.INT16,) * 2)


def _wide_shapes(rng: Random) -> tuple[tuple[int, ...], ...]:
    """Now and then one shape."""
    return (randoms.any_shape(rng),) * 2 if rng.random() < 0.2 else randoms.broadcast_shapes(rng)


def _each(element: Callable[..., int], op: Any, a: Any, b: Any) -> Any:
    """Element by element of operands that are broadcast before they meet."""
    pairs = np.broadcast(np.array(a), np.array(b))
    values = [element(op, int(x), int(y)) for x, y in pairs]
    return np.array(values).reshape(pairs.shape).tolist()


def add(op: Any, a: Any, b: Any) -> Any:
    return _each(_add, op, a, b)


def _add(op: Any, a: int, b: int) -> int:
    shift = {"int8": 20, "int16": 15}[op.dtype.value]
    left = requant((a - op.a_zero_point) << shift, op.a_requant)
    right = requant((b - op.b_zero_point) << shift, op.b_requant) * (-1 if op.is_subtraction else 1)
    return clamp(requant(int32(left + right), op.y_requant) + op.y_zero_point, op.lo, op.hi)


def mul(op: Any, a: Any, b: Any) -> Any:
    return _each(_mul, op, a, b)


def _mul(op: Any, a: int, b: int) -> int:
    product = (a - op.a_zero_point) * (b - op.b_zero_point)
    return clamp(requant(product, op.requant) + op.y_zero_point, op.lo, op.hi)


EXAMPLES: Mapping[str, Generator] = {"add": add_example, "mul": mul_example}
WIDE_EXAMPLES: Mapping[str, Generator] = {"add": wide_add_example, "mul": wide_mul_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"add": add, "mul": mul}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_mul_broadcast_s16": (
        "(j * p->a_stride_1) => (j * p->a_stride_2)",
        "a[l * p->a_stride_3] => a[0]",
        "p->lo, p->hi => -128, 127",
    ),
    "mcuq_add_broadcast_s16": (
        "(i * p->a_stride_0) => (i * p->b_stride_0)",
        "(k * p->b_stride_2) => (k * p->b_stride_1)",
        "b[l * p->b_stride_3] => b[l]",
        "p->sign * right => right",
    ),
    "mcuq_add_s8": (
        "(int32_t)1 << 20 => (int32_t)1 << 19",
        "(b[i] - p->b_zero_point) => (b[i] - p->a_zero_point)",
        "p->sign * right => right",
        "value + p->y_zero_point => value",
    ),
    "mcuq_add_broadcast_s8": (
        "(i * p->a_stride_0) => (i * p->b_stride_0)",
        "(k * p->b_stride_2) => (k * p->b_stride_1)",
        "b[l * p->b_stride_3] => b[l]",
        "p->sign * right => right",
    ),
    "mcuq_add_s8_plane": (
        "(sum + (sum >> 31) + more) => (sum + more)",
        "(*a * a_factor) => (*b * a_factor)",
        "a = &a[a_step] => a = &a[1]",
        "b = &b[b_step] => b = &b[1]",
        "(k * p->a_stride_2) => (k * p->a_stride_1)",
        "(i * p->b_stride_0) => (i * p->b_stride_1)",
        "lo, hi); => -128, hi);",
    ),
    "mcuq_mul_s8": (
        "(a[i] - p->a_zero_point) => a[i]",
        "value + p->y_zero_point => value",
    ),
    "mcuq_mul_broadcast_s8": (
        "(j * p->a_stride_1) => (j * p->a_stride_2)",
        "a[l * p->a_stride_3] => a[0]",
        "p->lo, p->hi => -128, 127",
    ),
    "mcuq_add_s16": (
        "(int32_t)1 << 15 => (int32_t)1 << 14",
        "p->b_multiplier => p->a_multiplier",
        "p->sign * right => right",
        "value + p->y_zero_point => value",
    ),
    "mcuq_mul_s16": (
        "p->shift => (p->shift - 1)",
        "value + p->y_zero_point => value",
    ),
}

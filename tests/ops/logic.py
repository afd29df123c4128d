"""Truth values: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import numpy as np

from mcuq.ir.integer import Rounding
from mcuq.ir.types import DType
from mcuq.ops.logic import RELATIONS, TRUTH_FUNCTIONS, CompareStep, LogicStep, ThresholdStep
from tests.ops import randoms
from tests.ops.plain import int32, quantize_multiplier, requant
from tests.ops.randoms import Example, Generator


def compare_example(rng: Random, rounding: Rounding) -> Example:
    """Equal scales, powers of two apart, and any; mostly operands that can be equal."""
    ratio = rng.choice([1.0, 1.0, 0.5, 0.25, 2.0 ** rng.uniform(-9, 0)])
    scales = [ratio, 1.0] if rng.random() < 0.5 else [1.0, ratio]
    pairs = [quantize_multiplier(scale / 2.0) for scale in scales]
    a, b = (randoms.Requant((m,), (s,), rounding) for m, s in pairs)
    zero_points = (randoms.zero_point(rng), randoms.zero_point(rng))
    window = RELATIONS[rng.choice([*RELATIONS])]
    op = CompareStep(*zero_points, a, b, *window, rng.random() < 0.4)
    shapes = randoms.broadcast_shapes(rng)
    if rng.random() < 0.3:
        shapes = rng.choice([((2, 1, 3, 1), (1, 4, 1, 5)), ((1, 4, 1, 5), (3, 1, 2, 1))])
    return Example(op, shapes, zero_points)


def logic_example(rng: Random, rounding: Rounding) -> Example:
    limits = (rng.choice([0, 0, -1, -128, 127, 5]), rng.choice([0, 0, -1, 3]))
    bits = rng.choice([*TRUTH_FUNCTIONS.values(), rng.randrange(16)])
    return Example(LogicStep(bits, *limits), randoms.broadcast_shapes(rng), limits)


def threshold_example(rng: Random, rounding: Rounding) -> Example:
    """From below, a single number, none."""
    number = rng.choice([0, 3, -5, 2**31 - 1, -(2**31), rng.randint(-20, 20)])
    lo, hi = rng.choice([(-(2**31), number), (number, number), (1, 0)])
    op = ThresholdStep(lo, hi, rng.random() < 0.4)
    return Example(op, (randoms.any_shape(rng),), (max(min(number, 2**31 - 2), -9),), (DType.INT32,))


def _each(element: Callable[..., int], op: Any, a: Any, b: Any) -> Any:
    pairs = np.broadcast(np.array(a), np.array(b))
    return np.array([element(op, int(x), int(y)) for x, y in pairs]).reshape(pairs.shape).tolist()


def _compare(op: Any, a: int, b: int) -> int:
    left = requant((a - op.a_zero_point) << 20, op.a_requant)
    difference = int32(left - requant((b - op.b_zero_point) << 20, op.b_requant))
    return int((op.lo <= difference <= op.hi) is not op.is_negated)


def _logic(op: Any, a: int, b: int) -> int:
    return op.truth // 2 ** (2 * (a > op.a_limit) + (b > op.b_limit)) % 2


def compare(op: Any, a: Any, b: Any) -> Any:
    return _each(_compare, op, a, b)


def logic(op: Any, a: Any, b: Any) -> Any:
    return _each(_logic, op, a, b)


def threshold(op: Any, x: Any) -> Any:
    if isinstance(x, list):
        return [threshold(op, each) for each in x]
    return int((op.lo <= x <= op.hi) is not op.is_negated)


EXAMPLES: Mapping[str, Generator] = {
    "compare": compare_example,
    "logic": logic_example,
    "threshold": threshold_example,
}
REFERENCES: Mapping[str, Callable[..., Any]] = {"compare": compare, "logic": logic, "threshold": threshold}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_compare_s8": (
        "(b[l * p->b_stride_3] - p->b_zero_point) => (b[l * p->b_stride_3] - p->a_zero_point)",
        "holds ^ p->negated => holds",
        "difference <= p->hi => difference < p->hi",
        "(j * p->a_stride_1) => (j * p->a_stride_2)",
    ),
    "mcuq_logic_s8": (
        "> p->a_limit => >= p->a_limit",
        "? 2 : 0 => ? 1 : 0",
        "(k * p->b_stride_2) => (k * p->b_stride_1)",
    ),
    "mcuq_threshold_s32": (
        "p->lo <= x[i] => p->lo < x[i]",
        "x[i] <= p->hi => x[i] < p->hi",
        "holds ^ p->negated => holds",
    ),
}

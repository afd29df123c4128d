"""Requantization of int16: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from mcuq.ir.integer import Rounding
from mcuq.ir.types import DType
from mcuq.ops.requantize import RequantizeStep
from tests.ops import randoms
from tests.ops.plain import clamp, requant
from tests.ops.randoms import Example, Generator

PAIRS = (DType.INT8, DType.INT16), (DType.INT16, DType.INT8), (DType.INT16, DType.INT16)


def requantize_example(rng: Random, rounding: Rounding) -> Example:
    """Up to the largest left shift that int32 has room for."""
    x_type, y_type = rng.choice(PAIRS)
    points = {DType.INT8: randoms.zero_point, DType.INT16: randoms.wide_zero_point}
    x_zero_point, y_zero_point = points[x_type](rng), points[y_type](rng)
    most = {DType.INT8: 22, DType.INT16: 14}[x_type]
    typical = {DType.INT8: 8, DType.INT16: 0}[x_type] - {DType.INT8: 8, DType.INT16: 0}[y_type]
    shift = rng.choice([most, -31, typical, typical + rng.randint(-2, 2), rng.randint(-31, most)])
    scale = randoms.Requant((randoms.multiplier(rng),), (shift,), rounding)
    op = RequantizeStep(x_zero_point, y_zero_point, scale, x_type, y_type)
    return Example(op, (randoms.any_shape(rng),), (x_zero_point,), (x_type,))


def requantize(op: Any, x: Any) -> Any:
    if isinstance(x, list):
        return [requantize(op, item) for item in x]
    lo, hi = {"int8": (-128, 127), "int16": (-32768, 32767)}[op.y_type.value]
    return clamp(requant(x - op.x_zero_point, op.requant) + op.y_zero_point, lo, hi)


EXAMPLES: Mapping[str, Generator] = {"requantize": requantize_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"requantize": requantize}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_requantize_s16": (
        "x[i] - p->x_zero_point => x[i]",
        " + p->y_zero_point; => ;",
    ),
    "mcuq_requantize_s16_s8": (
        "x[i] - p->x_zero_point => x[i]",
        " + p->y_zero_point; => ;",
    ),
    "mcuq_requantize_s8_s16": (
        "x[i] - p->x_zero_point => x[i]",
        " + p->y_zero_point; => ;",
    ),
}

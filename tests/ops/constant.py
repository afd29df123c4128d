"""Copies and constants: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import numpy as np

from mcuq.ir.integer import Rounding
from mcuq.ir.types import DType
from mcuq.ops.constant import ConstantStep, CopyStep
from tests.ops import randoms
from tests.ops.randoms import Example, Generator


def copy_example(rng: Random, rounding: Rounding) -> Example:
    return Example(CopyStep(), (randoms.any_shape(rng),), (0,))


def wide_copy_example(rng: Random, rounding: Rounding) -> Example:
    """int16, and int32 as of indices."""
    dtype = DType.INT16 if rng.random() < 0.5 else DType.INT32
    return Example(CopyStep(dtype), (randoms.any_shape(rng),), (0,), (dtype,))


def constant_example(rng: Random, rounding: Rounding) -> Example:
    return Example(ConstantStep(randoms.codes(rng, *randoms.any_shape(rng))), (), ())


def wide_constant_example(rng: Random, rounding: Rounding) -> Example:
    codes = np.random.default_rng(rng.getrandbits(32)).integers(-32768, 32768, randoms.any_shape(rng))
    return Example(ConstantStep(codes.astype(np.int16)), (), ())


def copy(op: Any, x: Any) -> Any:
    return x


def constant(op: Any) -> Any:
    return op.codes.tolist()


EXAMPLES: Mapping[str, Generator] = {"copy": copy_example, "constant": constant_example}
WIDE_EXAMPLES: Mapping[str, Generator] = {"copy": wide_copy_example, "constant": wide_constant_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"copy": copy, "constant": constant}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_constant_s16": (
        "p->values, => &p->values[1],",
        "p->count * sizeof *y => p->count",
    ),
    "mcuq_constant_s8": (
        "(size_t)p->count => (size_t)p->count - 1",
        "p->values, => &p->values[1],",
    ),
    "mcuq_copy_s8": (
        "(size_t)p->count => (size_t)p->count - 1",
        "(size_t)p->count => (size_t)p->count / 2U",
    ),
    "mcuq_copy_s16": (
        "(size_t)p->count * => (size_t)(p->count - 1) *",
        "(size_t)p->count * => (size_t)(p->count / 2) *",
    ),
    "mcuq_copy_s32": (
        "(size_t)p->count * => (size_t)(p->count - 1) *",
        "(size_t)p->count * => (size_t)(p->count / 2) *",
    ),
}

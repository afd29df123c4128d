"""Clamps: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from mcuq.ir.integer import Rounding
from mcuq.ops.unary import ClipStep
from tests.ops import randoms
from tests.ops.plain import clamp
from tests.ops.randoms import Example, Generator


def clip_example(rng: Random, rounding: Rounding) -> Example:
    return Example(ClipStep(*randoms.limits(rng)), (randoms.any_shape(rng),), (0,))


def wide_clip_example(rng: Random, rounding: Rounding) -> Example:
    lo, hi = randoms.wide_limits(rng)
    return randoms.wide_move(clip_example(rng, rounding), lo=lo, hi=hi)


def clip(op: Any, x: Any) -> Any:
    return [clip(op, item) for item in x] if isinstance(x, list) else clamp(x, op.lo, op.hi)


EXAMPLES: Mapping[str, Generator] = {"clip": clip_example}
WIDE_EXAMPLES: Mapping[str, Generator] = {"clip": wide_clip_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"clip": clip}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_clip_s16": (
        "p->lo, p->hi => -32768, p->hi",
        "i < p->count => i < p->count - 1",
    ),
    "mcuq_clip_s8": (
        "p->lo, p->hi => -128, p->hi",
        "i < p->count => i < p->count - 1",
    ),
}

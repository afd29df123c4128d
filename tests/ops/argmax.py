"""The index of the largest value: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from mcuq.ir.integer import Rounding
from mcuq.ops.argmax import ArgMaxStep
from tests.ops import randoms
from tests.ops.randoms import Example, Generator


def argmax_example(rng: Random, rounding: Rounding) -> Example:
    """Ties are common: equal rows, rows of extremes, of which the first or the last counts."""
    shape, zero_point = randoms.any_shape(rng), randoms.zero_point(rng)
    return Example(ArgMaxStep(is_last=rng.random() < 0.5), (shape,), (zero_point,))


def argmax(op: Any, x: Any) -> Any:
    if isinstance(x[0], list):
        return [argmax(op, item) for item in x]
    largest = [i for i, code in enumerate(x) if code == max(x)]
    return [largest[-1 if op.is_last else 0]]


EXAMPLES: Mapping[str, Generator] = {"argmax": argmax_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"argmax": argmax}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_argmax_last_s8": (
        "x[i] >= x[largest] => x[i] > x[largest]",
        "x = &x[p->count]; => ;",
        "i < p->count => i < p->count - 1",
    ),
    "mcuq_argmax_s8": (
        "x[i] > x[largest] => x[i] >= x[largest]",
        "x = &x[p->count]; => ;",
        "i < p->count => i < p->count - 1",
    ),
}

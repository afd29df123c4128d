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
    """Ties are common: equal rows, rows of extremes."""
    return Example(ArgMaxStep(), (randoms.any_shape(rng),), (randoms.zero_point(rng),))


def argmax(op: Any, x: Any) -> Any:
    return [argmax(op, item) for item in x] if isinstance(x[0], list) else [x.index(max(x))]


EXAMPLES: Mapping[str, Generator] = {"argmax": argmax_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"argmax": argmax}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_argmax_s8": (
        "x[i] > x[largest] => x[i] >= x[largest]",
        "x = &x[p->count]; => ;",
        "i < p->count => i < p->count - 1",
    ),
}

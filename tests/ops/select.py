"""Choices of two tensors: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import numpy as np

from mcuq.ir.integer import Rounding
from mcuq.ops.select import SelectStep
from tests.ops import randoms
from tests.ops.randoms import Example, Generator


def select_example(rng: Random, rounding: Rounding) -> Example:
    """Masks of every shape that broadcasts, numbers for either operand."""
    full = rng.choice([(7,), (2, 3, 5), (1, 4, 3, 6), (1, 2, 6, 6), (2, 3, 2, 3)])
    small = tuple(size if rng.random() < 0.6 else 1 for size in full)[rng.randint(0, len(full) - 1) :]
    shapes = rng.choice(
        [(full, full, full), (small, full, full), (small, full, (1,)), (full, small, full), (full, (1,), ())]
    )
    limit = rng.choice([0, 0, -1, 127, -128])
    return Example(SelectStep(limit, *randoms.ALL), shapes, (limit, 0, 0))


def select(op: Any, c: Any, a: Any, b: Any) -> Any:
    every = np.broadcast(np.array(c), np.array(a), np.array(b))
    chosen = [int(x) if condition > op.limit else int(y) for condition, x, y in every]
    return np.array(chosen).reshape(every.shape).tolist()


EXAMPLES: Mapping[str, Generator] = {"select": select_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"select": select}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_select_s8": (
        "> p->limit => >= p->limit",
        "a[l * p->a_stride_3] : b => a[l * p->b_stride_3] : b",
        "(k * p->c_stride_2) => (k * p->a_stride_2)",
        "c[l * p->c_stride_3] => c[l]",
    ),
}

"""Rows of tables: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from mcuq.ir.integer import Rounding
from mcuq.ir.types import DType
from mcuq.ops.lookup import GatherStep
from tests.ops import randoms
from tests.ops.randoms import Example, Generator

_NARROW, _WIDE = DType.INT8, DType.INT32


def gather_example(rng: Random, rounding: Rounding) -> Example:
    """Few rows and many, of one element or more, along any axis; indices of any rank."""
    table = rng.choice(
        [(1, 4), (2,), (7, 3), (19, 1), (128, 2), (300, 5), (6, 14), (2, 9, 3), (3, 2, 11), (2, 1, 2, 3)]
    )
    axis = rng.randrange(len(table))
    indices = rng.choice([(1,), (5,), (1, 6), (2, 3), (1, 2, 4), ()])
    kind = rng.choice([_NARROW, _WIDE])
    return Example(GatherStep(randoms.codes(rng, *table), axis, kind), (indices,), (0,), (kind,))


def gather(op: Any, x: Any) -> Any:
    table = op.table.tolist()

    def rows(part: Any, indices: Any) -> Any:
        if isinstance(indices, list):
            return [rows(part, each) for each in indices]
        index = indices + len(part) if indices < 0 else indices
        return part[max(0, min(index, len(part) - 1))]

    def walk(part: Any, axis: int) -> Any:
        return rows(part, x) if axis == 0 else [walk(each, axis - 1) for each in part]

    return walk(table, op.axis)


EXAMPLES: Mapping[str, Generator] = {"gather": gather_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"gather": gather}
_CHANGES = (
    "(x[i] < 0) ? (x[i] + p->rows) : x[i] => x[i]",
    "(above < p->rows) ? above => (above <= p->rows) ? above",
    "(index < 0) ? 0 : index => index",
    "o * p->rows * p->inner => o * p->inner",
)
MUTANTS: Mapping[str, Sequence[str]] = {"mcuq_gather_s8": _CHANGES, "mcuq_gather_narrow_s8": _CHANGES}

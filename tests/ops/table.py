"""Tables: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from mcuq.ir.integer import Rounding
from mcuq.ops.table import TableStep
from tests.ops import randoms
from tests.ops.randoms import Example, Generator


def table_example(rng: Random, rounding: Rounding) -> Example:
    return Example(TableStep(randoms.codes(rng, 256)), (randoms.any_shape(rng),), (0,))


def table(op: Any, x: Any) -> Any:
    return [table(op, item) for item in x] if isinstance(x, list) else int(op.table[x + 128])


EXAMPLES: Mapping[str, Generator] = {"table": table_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"table": table}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_table_s8": (
        "x[i] + 128 => x[i] + 127",
        "i < p->count => i < p->count - 1",
    ),
}

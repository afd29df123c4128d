"""The largest values: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from mcuq.ir.integer import Rounding
from mcuq.ops.topk import TopKStep
from tests.ops import randoms
from tests.ops.randoms import Example, Generator


def topk_example(rng: Random, rounding: Rounding) -> Example:
    """Ties are common: equal rows, rows of extremes."""
    shape = randoms.any_shape(rng)
    k = rng.choice([1, shape[-1], rng.randint(1, shape[-1])])
    return Example(TopKStep(k, -128, 127), (shape,), (randoms.zero_point(rng),))


def topk(op: Any, x: Any) -> Any:
    """Codes and indices."""
    if isinstance(x[0], list):
        rows = [topk(op, row) for row in x]
        return [values for values, _ in rows], [indices for _, indices in rows]
    order = sorted(range(len(x)), key=lambda index: (-x[index], index))[: op.k]
    return [x[index] for index in order], order


EXAMPLES: Mapping[str, Generator] = {"topk": topk_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"topk": topk}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_topk_s8": (
        "x[i] > y[at - 1] => x[i] >= y[at - 1]",
        "(x[i] > y[at])) { => (x[i] >= y[at])) {",
        "indices[at] = i; => indices[at] = i + 1;",
    ),
}

"""Decision trees: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import numpy as np

from mcuq.ir.integer import Rounding
from mcuq.ir.types import DType
from mcuq.ops.trees import TreesStep, sum_bound
from tests.ops import randoms
from tests.ops.plain import clamp, requant
from tests.ops.randoms import Example, Generator


def tree(rng: Random, depth: int, features: int, targets: int, codes: tuple[int, int]) -> list:
    """Records of a random tree, sometimes as deep as it may be on one side alone."""
    if depth == 0 or rng.random() < 0.2:
        chosen = rng.sample(range(targets), rng.randint(0, min(targets, 3)))
        adds = [
            [target, rng.choice([rng.randint(-32768, 32767), rng.randint(-9, 9)]), 0] for target in chosen
        ]
        return [[-1, len(adds), 0], *adds]
    sides = rng.choice([(depth - 1, depth - 1), (depth - 1, 0), (0, depth - 1)])
    true, false = (tree(rng, each, features, targets, codes) for each in sides)
    threshold = rng.choice([*codes, rng.randint(*codes), rng.randint(*codes)])
    return [[rng.randrange(features), threshold, 1 + len(true)], *true, *false]


def example(rng: Random, rounding: Rounding, x_type: DType) -> Example:
    """Single leaves, leaves that say nothing, thresholds at the ends, rows."""
    lo, hi = x_type.qmin, x_type.qmax
    features, targets = rng.choice([1, 2, 5, 9]), rng.choice([1, 1, 2, 4])
    found: list = []
    roots = []
    for _ in range(rng.choice([1, 2, 5])):
        roots.append(len(found))
        found += tree(rng, rng.randint(0, 5), features, targets, (max(lo - 1, -32768), hi))
    records, base = (
        np.array(found, np.int16),
        np.array([rng.choice([0, rng.randint(-40000, 40000)]) for _ in range(targets)], np.int32),
    )
    starts = np.array(roots, np.int32)
    scale = randoms.requant(rng, [sum_bound(records, starts, base) + 1], rounding)
    op = TreesStep(x_type, features, records, starts, base, scale, randoms.zero_point(rng))
    shape = (*rng.choice([(), (1,), (3,), (2, 2)]), features + rng.choice([0, 0, 1]))
    return Example(op, (shape,), (randoms.zero_point(rng),), (x_type,))


def trees_example(rng: Random, rounding: Rounding) -> Example:
    return example(rng, rounding, DType.INT8)


def wide_trees_example(rng: Random, rounding: Rounding) -> Example:
    return example(rng, rounding, DType.INT16)


def trees(op: Any, x: Any) -> Any:
    if isinstance(x[0], list):
        return [trees(op, row) for row in x]
    records, sums = op.records.tolist(), op.base.tolist()
    for at in op.roots.tolist():
        while records[at][0] != -1:
            feature, threshold, skip = records[at]
            at += 1 if x[feature] <= threshold else skip
        for target, value, _ in records[at + 1 : at + 1 + records[at][1]]:
            sums[target] += value
    return [clamp(requant(each, op.requant) + op.y_zero_point, -128, 127) for each in sums]


_CHANGES = (
    "x[node[0]] <= node[1] => x[node[0]] < node[1]",
    "? 3 : (3 * node[2]) => ? (3 * node[2]) : 3",
    "(size_t)p->targets * sizeof *sums => (size_t)p->targets",
    "sums[node[0]] += node[1]; => sums[node[0]] = node[1];",
    "3 * p->roots[tree] => 3 * p->roots[0]",
    "x = &x[p->features]; => ",
    " + p->y_zero_point, => ,",
)

EXAMPLES: Mapping[str, Generator] = {"trees": trees_example}
WIDE_EXAMPLES: Mapping[str, Generator] = {"trees": wide_trees_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"trees": trees}
MUTANTS: Mapping[str, Sequence[str]] = {"mcuq_trees_s8": _CHANGES, "mcuq_trees_s16": _CHANGES}

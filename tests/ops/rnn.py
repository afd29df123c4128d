"""Elman's recurrent layers: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from mcuq.ir.integer import Rounding
from mcuq.ops.rnn import RnnStep
from tests.ops import randoms, recurrent
from tests.ops.plain import clamp, requant
from tests.ops.randoms import Example, Generator
from tests.ops.recurrent import begin, gate_sum, limit, tanh


def rnn_example(rng: Random, rounding: Rounding, size: tuple[int, int, int] | None = None) -> Example:
    """With and without limits and a state to begin with, in both directions."""
    steps, inputs, units = size or recurrent.sizes(rng)
    x_zero, y_zero = randoms.zero_point(rng), randoms.zero_point(rng)
    op = RnnStep(
        is_reverse=rng.random() < 0.5,
        x_sums=recurrent.sums(rng, units, inputs, x_zero, rounding),
        h_sums=recurrent.sums(rng, units, units, y_zero, rounding),
        gate_limit=rng.choice([32767, 32767, rng.randint(0, 32767)]),
        y_zero_point=y_zero,
        y_requant=recurrent.finish(rng, 15, rounding),
        h_initial=recurrent.initial(rng, 8, rounding) if rng.random() < 0.5 else None,
    )
    if op.h_initial is None:
        return Example(op, ((steps, inputs),), (x_zero,))
    return Example(op, ((steps, inputs), (1, units)), (x_zero, op.h_initial.zero_point))


def rnn(op: Any, x: Any, *states: Any) -> Any:
    units, zero = len(op.h_sums.weights), op.y_zero_point
    h = [zero] * units
    if states:
        h = [clamp(begin(op.h_initial, q) + zero, -128, 127) for q in states[0][0]]
    y: list = [None] * len(x)
    for t in recurrent.times(len(x), op.is_reverse):
        sums = [gate_sum(op.x_sums, u, x[t]) + gate_sum(op.h_sums, u, h) for u in range(units)]
        values = [tanh(limit(v, op.gate_limit)) for v in sums]
        h = [clamp(requant(v, op.y_requant) + zero, -128, 127) for v in values]
        y[t] = h
    return y


EXAMPLES: Mapping[str, Generator] = {"rnn": rnn_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"rnn": rnn}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_rnn_s8": (
        "(p->steps - 1 - step) => step",
        "h = out; => h = scratch;",
        "&x[t * p->in_c]; => &x[step * p->in_c];",
    ),
}

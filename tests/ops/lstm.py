"""Long short-term memory: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import numpy as np

from mcuq.ir.integer import Requant, Rounding
from mcuq.ops.lstm import CELL_BITS, LstmStep
from mcuq.ops.recurrent import GateSums
from tests.ops import randoms, recurrent
from tests.ops.plain import clamp, requant
from tests.ops.randoms import Example, Generator
from tests.ops.recurrent import begin, gate_sum, half_up, limit, sigmoid, tanh


def lstm_example(rng: Random, rounding: Rounding, size: tuple[int, int, int] | None = None) -> Example:
    """With and without peepholes, limits and states to begin with, in both directions."""
    steps, inputs, units = size or recurrent.sizes(rng)
    x_zero, y_zero, cell_bits = randoms.zero_point(rng), randoms.zero_point(rng), rng.choice(CELL_BITS)
    has_initial = rng.random() < 0.5
    op = LstmStep(
        is_reverse=rng.random() < 0.5,
        x_sums=recurrent.sums(rng, 4 * units, inputs, x_zero, rounding),
        h_sums=recurrent.sums(rng, 4 * units, units, y_zero, rounding),
        peephole=_peephole(rng, units, cell_bits, rounding) if rng.random() < 0.5 else None,
        gate_limit=rng.choice([32767, 32767, rng.randint(0, 32767)]),
        cell_bits=cell_bits,
        y_zero_point=y_zero,
        y_requant=recurrent.finish(rng, 30, rounding),
        h_initial=recurrent.initial(rng, 8, rounding) if has_initial else None,
        c_initial=recurrent.initial(rng, cell_bits, rounding) if has_initial else None,
    )
    points, shapes = [x_zero], [(steps, inputs)]
    if has_initial:
        points += [op.h_initial.zero_point, op.c_initial.zero_point]
        shapes += [(1, units), (1, units)]
    return Example(op, tuple(shapes), tuple(points))


def _peephole(rng: Random, units: int, cell_bits: int, rounding: Rounding) -> GateSums:
    scales = [recurrent.quantize_multiplier(2.0 ** rng.uniform(-9, -4)) for _ in range(3 * units)]
    weights = randoms.weights(rng, (3 * units, 1))
    scale = Requant(tuple(m for m, _ in scales), tuple(s for _, s in scales), rounding)
    return GateSums(weights, np.zeros(3 * units, np.int32), scale, 0)


def lstm(op: Any, x: Any, *states: Any) -> Any:
    """Hidden states and the last cell."""
    units = len(op.h_sums.weights[0])
    h, c = [op.y_zero_point] * units, [0] * units
    if states:
        h = [clamp(begin(op.h_initial, q) + op.y_zero_point, -128, 127) for q in states[0][0]]
        c = [limit(begin(op.c_initial, q)) for q in states[1][0]]
    y: list = [None] * len(x)
    for t in recurrent.times(len(x), op.is_reverse):
        pairs = [_unit(op, u, units, x[t], h, c[u]) for u in range(units)]
        h, c = [h for h, _ in pairs], [c for _, c in pairs]
        y[t] = h
    return y, [c]


def _unit(op: Any, u: int, units: int, x: list, h: list, c: int) -> tuple[int, int]:
    def gate(which: int, peephole: int | None, cell: int) -> int:
        row = which * units + u
        v = gate_sum(op.x_sums, row, x) + gate_sum(op.h_sums, row, h)
        if peephole is not None and op.peephole is not None:
            at = peephole * units + u
            v += requant(int(op.peephole.weights[at][0]) * cell, op.peephole.requant, at)
        return limit(v, op.gate_limit)

    i, f, g = sigmoid(gate(0, 0, c)), sigmoid(gate(2, 2, c)), tanh(gate(3, None, c))
    c = limit(half_up(f * c, 15) + half_up(i * g, 30 - op.cell_bits))
    o = sigmoid(gate(1, 1, c))
    value = requant(o * tanh(limit(c << (12 - op.cell_bits))), op.y_requant)
    return clamp(value + op.y_zero_point, -128, 127), c


EXAMPLES: Mapping[str, Generator] = {"lstm": lstm_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"lstm": lstm}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_lstm_s8": (
        "(p->steps - 1 - step) => step",
        "h = out; => h = scratch;",
        "(gate * p->units) + u => (gate * p->units)",
    ),
}

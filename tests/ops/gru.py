"""Gated recurrent units: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from mcuq.ir.integer import Requant, Rounding
from mcuq.ops.gru import GruStep
from tests.ops import randoms, recurrent
from tests.ops.plain import clamp, requant
from tests.ops.randoms import Example, Generator
from tests.ops.recurrent import begin, gate_sum, half_up, limit, sigmoid, tanh


def gru_example(rng: Random, rounding: Rounding, size: tuple[int, int, int] | None = None) -> Example:
    """Reset in front and behind, with and without limits and a state to begin with, in both directions."""
    steps, inputs, units = size or recurrent.sizes(rng)
    x_zero, y_zero, is_behind = randoms.zero_point(rng), randoms.zero_point(rng), rng.random() < 0.5
    candidate = recurrent.sums(rng, units, units, y_zero if is_behind else 0, rounding)
    if not is_behind:
        # The state that was reset has four bits more.
        shifts = tuple(shift - 4 if m else 0 for m, shift in _pairs(candidate.requant))
        scale = Requant(candidate.requant.multiplier, shifts, rounding)
        candidate = dataclasses.replace(candidate, requant=scale)
    op = GruStep(
        is_reverse=rng.random() < 0.5,
        is_reset_behind=is_behind,
        x_sums=recurrent.sums(rng, 3 * units, inputs, x_zero, rounding),
        h_sums=recurrent.sums(rng, 2 * units, units, y_zero, rounding),
        candidate=candidate,
        candidate_bits=rng.choice([12, 12, rng.randint(0, 12)]) if is_behind else 12,
        gate_limit=rng.choice([32767, 32767, rng.randint(0, 32767)]),
        y_zero_point=y_zero,
        n_requant=recurrent.finish(rng, 8, rounding),
        h_initial=recurrent.initial(rng, 8, rounding) if rng.random() < 0.5 else None,
    )
    if op.h_initial is None:
        return Example(op, ((steps, inputs),), (x_zero,))
    return Example(op, ((steps, inputs), (1, units)), (x_zero, op.h_initial.zero_point))


def _pairs(scale: Requant) -> list[tuple[int, int]]:
    return list(zip(scale.multiplier, scale.shift, strict=True))


def gru(op: Any, x: Any, *states: Any) -> Any:
    units, zero = len(op.candidate.weights), op.y_zero_point
    h = [zero] * units
    if states:
        h = [clamp(begin(op.h_initial, q) + zero, -128, 127) for q in states[0][0]]
    kept = [(q - zero) * 128 for q in h]
    y: list = [None] * len(x)
    for t in recurrent.times(len(x), op.is_reverse):
        kept = _advance(op, x[t], h, kept)
        h = [half_up(s, 7) + zero for s in kept]
        y[t] = h
    return y


def _advance(op: Any, x: list, h: list, kept: list) -> list:
    units, zero = len(h), op.y_zero_point

    def gate(row: int) -> int:
        return sigmoid(limit(gate_sum(op.x_sums, row, x) + gate_sum(op.h_sums, row, h), op.gate_limit))

    resets = [gate(units + u) for u in range(units)]
    reset = [half_up(r * (q - zero), 11) for r, q in zip(resets, h, strict=True)]
    found = []
    for u in range(units):
        if op.is_reset_behind:
            inner = half_up(resets[u] * limit(gate_sum(op.candidate, u, h)), 3 + op.candidate_bits)
        else:
            inner = gate_sum(op.candidate, u, reset)
        n = tanh(limit(gate_sum(op.x_sums, 2 * units + u, x) + inner, op.gate_limit))
        z = gate(u)
        mixed = half_up(z * kept[u] + (32768 - z) * limit(requant(n, op.n_requant)), 15)
        found.append(clamp(mixed, (-128 - zero) * 128, (127 - zero) * 128))
    return found


EXAMPLES: Mapping[str, Generator] = {"gru": gru_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"gru": gru}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_gru_s8": (
        "(2 * p->units) + u => p->units + u",
        "(p->steps - 1 - step) => step",
        "e.h = &y[t * p->units]; => e.h = begin;",
        "e->reset[k] * p->n_weights => e->h[k] * p->n_weights",
    ),
}

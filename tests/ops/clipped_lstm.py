"""LSTM that goes on: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.types import DType
from mcuq.ops.clipped_lstm import CLIPPED_TABLE, ClippedLstmStep
from tests.ops import randoms, recurrent
from tests.ops.plain import clamp, requant
from tests.ops.randoms import Example, Generator
from tests.ops.recurrent import gate_sum


def clipped_lstm_example(
    rng: Random, rounding: Rounding, size: tuple[int, int, int] | None = None
) -> Example:
    """With every number of fraction bits; cells with and without a limit, some of them always 0."""
    steps, inputs, units = size or recurrent.sizes(rng)
    x_zero, y_zero = randoms.zero_point(rng), randoms.zero_point(rng)
    op = ClippedLstmStep(
        x_sums=recurrent.sums(rng, 4 * units, inputs, x_zero, rounding),
        h_sums=recurrent.sums(rng, 4 * units, units, y_zero, rounding),
        cell_bits=rng.choice([9, 11, 12, 12, rng.randint(0, 15), rng.randint(13, 15)]),
        cell_limit=rng.choice([32768, 32768, 32767, rng.randint(0, 32767), rng.randint(1000, 20000)]),
        y_zero_point=y_zero,
        y_requant=recurrent.finish(rng, 30, rounding),
    )
    shapes = ((steps, inputs), (1, units), (1, units))
    return Example(op, shapes, (x_zero, y_zero, 0), (DType.INT8, DType.INT8, DType.INT16))


def clipped_lstm(op: Any, x: Any, first: Any, old: Any) -> Any:
    """Hidden states and the last cell."""
    units = len(op.h_sums.weights[0])
    h, c = list(first[0]), list(old[0])
    y: list = []
    for element in x:
        pairs = [_unit(op, u, units, element, h, c[u]) for u in range(units)]
        h, c = [h for h, _ in pairs], [c for _, c in pairs]
        y.append(h)
    return y, [c]


def _unit(op: Any, u: int, units: int, x: list, h: list, c: int) -> tuple[int, int]:
    def gate(which: int) -> int:
        row = which * units + u
        return _int16(_int16(gate_sum(op.x_sums, row, x)) + _int16(gate_sum(op.h_sums, row, h)))

    def scaled(v: int, bits: int) -> int:
        return requant(v, Requant((1 << 30,), (1 - bits,), op.y_requant.rounding))

    added = scaled(_sigmoid(gate(0)) * _tanh(gate(3), 12), 30 - op.cell_bits)
    c = clamp(_int16(scaled(_sigmoid(gate(2)) * c, 15) + added), -op.cell_limit, op.cell_limit)
    value = requant(_tanh(c, op.cell_bits) * _sigmoid(gate(1)), op.y_requant)
    return clamp(value + op.y_zero_point, -128, 127), c


def _int16(v: int) -> int:
    return clamp(v, -32768, 32767)


def _line(v: int, bits: int) -> int:
    index, rest = divmod(v, 2**bits)
    if index >= 255:
        return 32767 * 2**bits
    low, high = int(CLIPPED_TABLE[index]), int(CLIPPED_TABLE[index + 1])
    return low * 2**bits + rest * (high - low)


def _sigmoid(v: int) -> int:
    found = _line(3 * abs(v), 9)
    return (2**24 - found + 511 if v < 0 else 2**24 + found + 512) // 1024


def _tanh(v: int, bits: int) -> int:
    u = (3 * v + 2 ** (bits - 13)) // 2 ** (bits - 12) if bits > 12 else 3 * v * 2 ** (12 - bits)
    found = _line(abs(u), 8)
    return (127 - found if u < 0 else 128 + found) // 256


EXAMPLES: Mapping[str, Generator] = {"clipped_lstm": clipped_lstm_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"clipped_lstm": clipped_lstm}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_clipped_lstm_s8": (
        "(gate * p->units) + u => (gate * p->units)",
        "before = out; => before = h;",
        "(size_t)p->units * sizeof *cell => (size_t)p->units",
        "index >= 255 => index >= 200",
        "(one - line) + 511 => (one - line) + 512",
        "127 - line => 383 - line",
        ">> (bits - 12) => >> (bits - 11)",
        "p->cell_bits - 29 => p->cell_bits - 30",
        "mcuq_clamp_s16(of_h, -32768, 32767) => of_h",
        "p->cell_lo, p->cell_hi => -32768, 32767",
        "sums[2]) * *cell => sums[1]) * *cell",
    ),
}

"""Logarithm of softmax: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from mcuq.ir.integer import Requant, Rounding
from mcuq.ops.log_softmax import LogSoftmaxStep
from tests.ops import randoms
from tests.ops.plain import clamp, int32, quantize_multiplier, rdp, requant
from tests.ops.randoms import Example, Generator
from tests.ops.softmax import exponentials, row_shape, softmax_scale


def log_softmax_example(rng: Random, rounding: Rounding) -> Example:
    scale, parameters = softmax_scale(rng)
    bits = 28 - math.frexp(255 * scale + 9)[1]
    shape = row_shape(rng)
    # Codes of the output mostly fill the range of differences.
    most = 9 + 255 * scale * rng.choice([1.0, 1.0, 0.3])
    y_scale = rng.choice([most / 255, most / 255, most / 2000, 1.0, 2.0 ** (-bits + rng.choice([0, 9]))])
    pairs = [quantize_multiplier(real) for real in (scale * 2.0**bits, math.log(2) * 2.0 ** (bits - 16))]
    y_multiplier, y_shift = quantize_multiplier(2.0**-bits / y_scale)
    pairs.append(
        rng.choice([(y_multiplier, min(y_shift, 0)), (randoms.multiplier(rng), rng.randint(-31, 0))])
    )
    scales = [Requant((m,), (e,), rounding) for m, e in pairs]
    op = LogSoftmaxStep(*parameters, *scales, rng.choice([127, 127, randoms.zero_point(rng)]))
    return Example(op, (shape,), (0,))


def binary_logarithm(total: int) -> int:
    """Of `total / 2^19` in Q12.16."""
    headroom = 32 - total.bit_length()
    x, digits = total << headroom, 0
    for _ in range(16):
        square = x * x // 2**31
        digits = 2 * digits + square // 2**32
        x = square // 2 if square >= 2**32 else square
    return (12 - headroom) * 2**16 + digits


def log_softmax(op: Any, x: list) -> list:
    if isinstance(x[0], list):
        return [log_softmax(op, row) for row in x]
    largest = max(x)
    e = exponentials(op, {q - largest for q in x})
    total = int32(sum(rdp(e[q - largest], 12) for q in x if q - largest in e))
    log = requant(binary_logarithm(total), op.log_requant)

    def value(q: int) -> int:
        inner = int32(requant(q - largest, op.x_requant) - log)
        return clamp(requant(inner, op.y_requant) + op.y_zero_point, -128, 127)

    return [value(q) for q in x]


EXAMPLES: Mapping[str, Generator] = {"log_softmax": log_softmax_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"log_softmax": log_softmax}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_log_softmax_s8": (
        "log = 12 => log = 11",
        "i < 16; => i < 8;",
        "square >> digit => square",
        "(x[i] > largest) ? x[i] : largest => x[0]",
        "p->x_shift) - log => p->x_shift) + log",
        "p->log_multiplier, => p->x_multiplier,",
    ),
}

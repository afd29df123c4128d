"""Recurrent layers: random sums and states, and gates in plain integers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from random import Random
from typing import Any

import numpy as np

from mcuq.ir.integer import Requant, Rounding
from mcuq.ops.recurrent import GateSums, Initial
from tests.ops import randoms
from tests.ops.plain import int32, quantize_multiplier, requant

TANH = [min(32767, math.floor(32768 * math.tanh(k / 32) + 0.5)) for k in range(257)]


def sums(
    rng: Random, rows: int, count: int, zero_point: int, rounding: Rounding, *, wide: int = 1
) -> GateSums:
    """Mostly gates within 8; some rows are dead, some always beyond."""
    weights = randoms.weights(rng, (rows, count))
    typical = 80 * np.sqrt((weights.astype(np.int64) ** 2).sum(axis=1)) + 1
    bias = [rng.randint(-int(t), int(t)) for t in typical]
    pairs = [quantize_multiplier(2.0 ** rng.uniform(10, 15) / t) for t in typical]
    scale = Requant(tuple(m for m, _ in pairs), tuple(s for _, s in pairs), rounding)
    return GateSums(weights, np.array(bias, np.int32), scale, zero_point)


def finish(rng: Random, bits: float, rounding: Rounding) -> Requant:
    """One scale that brings 15 or 30 bits to codes, sometimes beyond them or to nothing."""
    pair = quantize_multiplier(2.0 ** (rng.choice([7.0, rng.uniform(4, 9), rng.uniform(-3, 12)]) - bits))
    return Requant((pair[0],), (pair[1],), rounding)


def initial(rng: Random, bits: int, rounding: Rounding) -> Initial:
    """A state of mostly so many bits from int8."""
    pair = quantize_multiplier(2.0 ** (bits - 7 + rng.uniform(-2, 0.5)))
    return Initial(randoms.zero_point(rng), Requant((pair[0],), (pair[1],), rounding))


def sizes(rng: Random) -> tuple[int, int, int]:
    """Elements of the sequence, inputs, units."""
    return rng.choice([1, 2, 3, 7]), rng.choice([1, 2, 3, 4, 5, 9]), rng.choice([1, 1, 2, 3, 4, 5, 8])


def half_up(value: int, shift: int) -> int:
    return (int32(value) + (1 << (shift - 1))) >> shift


def limit(value: int, most: int = 32767) -> int:
    return max(-most, min(most, int32(value)))


def _interpolate(v: int, bits: int) -> int:
    index, rest = divmod(abs(v), 2**bits)
    found = TANH[index] + half_up((TANH[index + 1] - TANH[index]) * rest, bits)
    return -found if v < 0 else found


def tanh(v: int) -> int:
    return _interpolate(v, 7)


def sigmoid(v: int) -> int:
    return half_up(32768 + _interpolate(v, 8), 1)


def gate_sum(part: Any, row: int, x: Iterable[int]) -> int:
    """The sum of one row, requantized."""
    products = zip(x, part.weights[row].tolist(), strict=True)
    acc = int(part.bias[row]) + sum((q - part.zero_point) * w for q, w in products)
    found = requant(int32(acc), part.requant, row)
    assert abs(found) <= 2**28
    return found


def begin(part: Any, q: int) -> int:
    return requant(q - part.zero_point, part.requant)


def times(steps: int, is_reverse: bool) -> list[int]:
    return [steps - 1 - t if is_reverse else t for t in range(steps)]

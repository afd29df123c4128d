"""Softmax: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import numpy as np

from mcuq.ir.integer import Rounding
from mcuq.ir.types import DType
from mcuq.ops.softmax import MaskedSoftmaxStep, SoftmaxStep
from tests.ops.plain import INT32_MAX, clamp, dhm, int32, quantize_multiplier, rdp, wrap32
from tests.ops.randoms import Example, Generator


def softmax_scale(rng: Random, finer: int = 0) -> tuple[float, tuple[int, int, int]]:
    """A scale of inputs, and the parameters of exponentials that it gives."""
    scale = 2.0 ** (finer + rng.choice([rng.uniform(-9, -2), rng.uniform(-9, -2), rng.uniform(-20, 8)]))
    multiplier, shift = quantize_multiplier(min(scale * 2.0**26, 2.0**31 - 1))
    return scale, (multiplier, shift, max(-int(31 * 2.0**26 / 2.0**shift), -256))


def row_shape(rng: Random) -> tuple[int, ...]:
    """Rows of one element, of few and of many."""
    return rng.choice([(1,), (1, 1), (1, 2), (1, 10), (3, 12), (2, 3, 5), (1, rng.randint(2, 300)), (1, 513)])


def softmax_example(rng: Random, rounding: Rounding) -> Example:
    _, parameters = softmax_scale(rng)
    return Example(SoftmaxStep(*parameters), (row_shape(rng),), (0,))


def wide_softmax_example(rng: Random, rounding: Rounding) -> Example:
    """Of or to int16, whose steps are finer."""
    wide, narrow = DType.INT16, DType.INT8
    x_type, y_type = rng.choice([(narrow, wide), (wide, wide), (wide, narrow)])
    _, parameters = softmax_scale(rng, -7 if x_type is DType.INT16 else 0)
    op = SoftmaxStep(*parameters, x_type, y_type)
    return Example(op, (row_shape(rng),), (0,), (x_type,))


def exp_negative(v: int) -> int:
    """e^v for v <= 0 in Q5.26, as Q0.31."""
    if v == 0:
        return INT32_MAX
    mm = (v & 0xFFFFFF) - 2**24
    rem = mm - v
    x = wrap32((mm << 5) + 2**28)
    x2 = dhm(x, x)
    c = 1895147668
    inner = dhm(wrap32(rdp(dhm(x2, x2), 2) + dhm(x2, x)), 715827883)
    r = wrap32(c + dhm(c, wrap32(x + rdp(wrap32(inner + x2), 1))))
    factors = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
    for bit, factor in zip(range(24, 31), factors, strict=True):
        if rem & (1 << bit):
            r = dhm(r, factor)
    return r


def _shift_left_saturating(v: int, shift: int) -> int:
    return max(-(2**31), min(INT32_MAX, v * 2**shift))


def one_over_one_plus(v: int) -> int:
    hd = (v + INT32_MAX + 1) // 2  # v is not negative
    x = wrap32(1515870810 + dhm(hd, -1010580540))
    for _ in range(3):
        x = wrap32(x + _shift_left_saturating(dhm(x, wrap32(2**29 - dhm(hd, x))), 2))
    return _shift_left_saturating(x, 1)


def exponentials(op: Any, distances: set[int], every: int = 0) -> dict[int, int]:
    """Of multiples of distances: those that have one."""
    shift = op.shift + every
    left, right = max(shift, 0), max(-shift, 0)
    diff_min = max(-int(31 * 2.0**26 / 2.0**shift), -256)
    return {
        d: exp_negative(rdp(dhm(wrap32(d << left), op.multiplier), right)) for d in distances if d >= diff_min
    }


def wide_exponentials(op: Any, distances: set[int]) -> dict[int, int]:
    """Products of those of the low and of the high bits."""
    fine = exponentials(op, {-(-d & 255) for d in distances})
    coarse = exponentials(op, {-(-d >> 8) for d in distances}, 8)
    return {d: dhm(fine.get(-(-d & 255), 0), coarse.get(-(-d >> 8), 0)) for d in distances}


def softmax(op: Any, x: list) -> list:
    if isinstance(x[0], list):
        return [softmax(op, row) for row in x]
    largest = max(x)
    of_type = wide_exponentials if op.x_type is DType.INT16 else exponentials
    e = of_type(op, {q - largest for q in x})
    total = int32(sum(rdp(e[q - largest], 12) for q in x if q - largest in e))
    headroom = 32 - total.bit_length()
    r = one_over_one_plus(wrap32((total << headroom) - 2**31))
    bits, lo, hi = (8, -128, 127) if op.y_type is DType.INT8 else (15, 0, 32767)

    def value(q: int) -> int:
        d = q - largest
        return clamp(rdp(dhm(r, e[d]), 12 - headroom + 31 - bits) + lo, lo, hi) if d in e else lo

    return [value(q) for q in x]


def masked_softmax_example(rng: Random, rounding: Rounding) -> Example:
    """Masks of rows, of columns, of both and of single elements."""
    plain = softmax_example(rng, rounding).op
    shape = rng.choice([(1, 5), (3, 12), (2, 3, 5), (1, 2, 4, 4), (2, 3, 2, 9), (1, 513)])
    mask = tuple(size if rng.random() < 0.6 else 1 for size in shape)[rng.randint(0, len(shape) - 1) :]
    limit = rng.choice([0, 0, -1, 126, -128])
    op = MaskedSoftmaxStep(plain.multiplier, plain.shift, plain.diff_min, limit)
    return Example(op, (shape, mask), (0, limit))


def masked_softmax(op: Any, x: list, mask: Any) -> list:
    return _masked(op, x, np.broadcast_to(np.array(mask), np.array(x).shape).tolist())


def _masked(op: Any, x: list, mask: list) -> list:
    if isinstance(x[0], list):
        return [_masked(op, *rows) for rows in zip(x, mask, strict=True)]
    kept = [place for place, code in enumerate(mask) if code > op.limit]
    plain = SoftmaxStep(op.multiplier, op.shift, op.diff_min)
    if not kept:
        return softmax(plain, [0] * len(x))
    found = dict(zip(kept, softmax(plain, [x[place] for place in kept]), strict=True))
    return [found.get(place, -128) for place in range(len(x))]


EXAMPLES: Mapping[str, Generator] = {"softmax": softmax_example, "masked_softmax": masked_softmax_example}
WIDE_EXAMPLES: Mapping[str, Generator] = {"softmax": wide_softmax_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"softmax": softmax, "masked_softmax": masked_softmax}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_masked_softmax_s8": (
        "(mask > p->limit) ? => (mask >= p->limit) ?",
        "(largest < -128) => (largest < -129)",
        "(mask[i * p->stride_3] > p->limit) && => ",
        "(j * p->stride_1) => (j * p->stride_2)",
        "35 - headroom => 34 - headroom",
    ),
    "mcuq_softmax_s8": (
        "35 - headroom => 34 - headroom",
        "((int32_t)1 << 29) => ((int32_t)1 << 28)",
        "(((uint32_t)1 << exponent) >> 1) => 0",
        "headroom += zeros => headroom += zeros / 2 + zeros / 2",
        "<< (exponent - 2) => << (exponent - 3)",
        "(share > 255U) ? 255U => (share > 256U) ? 255U",
        "i < 3; => i < 1;",
        "(x[i] > largest) ? x[i] : largest => x[0]",
    ),
    "mcuq_softmax_s8_s16": (
        "28 - headroom => 27 - headroom",
        "(x[i] > largest) ? x[i] : largest => x[0]",
        "0, 32767 => 0, 32766",
        "[largest - x[i]], 12) => [largest - x[i]], 11)",
    ),
    "mcuq_softmax_s16_s8": (
        "35 - headroom => 34 - headroom",
        "- 128, -128 => - 127, -128",
        "(x[i] > largest) ? x[i] : largest => x[0]",
        "&y[row * p->count] => &y[0]",
    ),
    "mcuq_softmax_s16": (
        "28 - headroom => 27 - headroom",
        "p->coarse[d >> 8] => p->coarse[0]",
        "p->fine[d & 255] => p->fine[0]",
        "(x[i] > largest) ? x[i] : largest => x[0]",
    ),
}

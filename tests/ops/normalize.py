"""Normalization: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import numpy as np

from mcuq.ir.integer import Requant, Rounding
from mcuq.ops.normalize import NormalizeStep
from tests.ops import randoms
from tests.ops.plain import clamp, int32, requant
from tests.ops.randoms import Example, Generator

INT64_MAX = 2**63 - 1


def normalize_example(
    rng: Random, rounding: Rounding, size: tuple[tuple[int, ...], int, int] | None = None
) -> Example:
    """`size` is positions, groups and channels, by default drawn as well."""
    groups, channels = rng.choice([1, 1, 2, 3]), rng.choice([1, 2, 3, 5, 8, 16, 64])
    positions = tuple(rng.choice([1, 2, 3]) for _ in range(rng.choice([0, 1, 2, 3])))
    positions, groups, channels = size or (positions, groups, channels)
    shape = (*positions, groups * channels)
    lead = rng.randint(0, len(shape) - 1)
    count = math.prod(shape[lead:-1]) * channels
    is_centred = rng.random() < 0.7
    fraction = 15 - (math.isqrt(count) + 1).bit_length()
    largest = rng.choice([1, 100, 32767, 32767])
    gain = [rng.randint(-largest, largest) for _ in range(shape[-1])]
    bias = [rng.choice([0, rng.randint(-(2**28), 2**28), rng.randint(-(2**14), 2**14)]) for _ in gain]
    most = (math.isqrt(count) + 2) << fraction
    bound = max(abs(g) * most + abs(b) for g, b in zip(gain, bias, strict=True))
    multiplier, shift = randoms.scale(rng, max(bound, 1), max(largest << fraction, 1))
    lo, hi = randoms.limits(rng)
    zeros = rng.choice([0, 0, 7, 29])
    op = NormalizeStep(
        lead=lead,
        groups=groups,
        count=count,
        is_centred=is_centred,
        offset=0 if is_centred else randoms.zero_point(rng),
        epsilon=rng.choice([0, 1, rng.randrange(2 * count * count), rng.randrange(2**31)]) << zeros,
        gain=np.array(gain, np.int16),
        bias=np.array(bias, np.int32),
        requant=Requant((multiplier,), (shift,), rounding),
        y_zero_point=randoms.zero_point(rng),
        lo=lo,
        hi=hi,
    )
    return Example(op, (shape,), (op.offset,))


def inverse_root(w: int) -> tuple[int, int]:
    """`r, e` with 1 / sqrt(w) near r 2^(-46 - e)."""
    e = (w.bit_length() - 31) // 2
    m = w >> 2 * e if e >= 0 else w << -2 * e
    assert 2**30 <= m < 2**32
    r = 2319282340 - (5 * m) // 16
    for _ in range(4):
        t = (r * r) >> 30
        assert r * r <= INT64_MAX and t * m <= INT64_MAX
        u = (t * m) >> 32
        assert r * (3 * 2**30 - u) <= INT64_MAX
        r = (r * (3 * 2**30 - u)) >> 31
    return min(r, 2**31 - 1), e


def normalize(op: Any, x: list) -> list:
    array = np.array(x, object)
    channels = array.shape[-1] // op.groups
    positions = math.prod(array.shape[op.lead : -1])
    y = np.empty((math.prod(array.shape[: op.lead]), positions, op.groups, channels), object)
    for i, image in enumerate(array.reshape(y.shape)):
        for g in range(op.groups):
            values = [[int(q) - op.offset for q in row] for row in image[:, g]]
            for p, row in enumerate(_group(op, values, channels * g)):
                for c, value in enumerate(row):
                    y[i, p, g, c] = value
    return y.reshape(array.shape).tolist()


def _group(op: Any, values: list[list[int]], channel: int) -> list[list[int]]:
    """One group, `[positions][channels]`."""
    flat = [d for row in values for d in row]
    n = len(flat)
    total = int32(sum(flat)) if op.is_centred else 0
    w = n * int32(sum(d * d for d in flat)) - total * total + op.epsilon
    r, e = inverse_root(max(w, 1))
    fraction = 15 - (math.isqrt(n) + 1).bit_length()
    shift = 46 + e - fraction
    out = []
    for row in values:
        normal = [int32((int32(n * d - total) * r + 2 ** (shift - 1)) >> shift) for d in row]
        gains = [(int(op.gain[channel + c]), int(op.bias[channel + c])) for c in range(len(row))]
        sums = [int32(int32(v * gain) + bias) for v, (gain, bias) in zip(normal, gains, strict=True)]
        out.append([clamp(requant(each, op.requant) + op.y_zero_point, op.lo, op.hi) for each in sums])
    return out


EXAMPLES: Mapping[str, Generator] = {"normalize": normalize_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"normalize": normalize}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_normalize_s8": (
        "p->gain[channel + c] => p->gain[c]",
        "? total : 0 => ? total : total",
        "(int64_t)1 << p->epsilon_shift => 1",
        "- p->offset) => )",
    ),
}

"""PRelu per channel: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from mcuq.ir.integer import Rounding
from mcuq.ops.channel_prelu import ChannelPreluStep
from tests.ops import randoms
from tests.ops.plain import clamp, rq
from tests.ops.randoms import Example, Generator


def channel_prelu_example(rng: Random, rounding: Rounding) -> Example:
    shape = randoms.any_shape(rng)
    zero_point = randoms.zero_point(rng)
    positive = randoms.requant(rng, [255], rounding)
    negative = randoms.requant(rng, [255] * shape[-1], rounding)
    op = ChannelPreluStep(zero_point, randoms.zero_point(rng), positive, negative, *randoms.limits(rng))
    return Example(op, (shape,), (zero_point,))


def channel_prelu(op: Any, x: Any) -> Any:
    if isinstance(x[0], list):
        return [channel_prelu(op, row) for row in x]
    return [_code(op, code - op.x_zero_point, channel) for channel, code in enumerate(x)]


def _code(op: Any, value: int, channel: int) -> int:
    scale, index = (op.positive, 0) if value >= 0 else (op.negative, channel)
    scaled = rq(value, scale.multiplier[index], scale.shift[index], scale.rounding.value)
    return clamp(scaled + op.y_zero_point, op.lo, op.hi)


EXAMPLES: Mapping[str, Generator] = {"channel_prelu": channel_prelu_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"channel_prelu": channel_prelu}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_channel_prelu_s8": (
        "(value < 0) => (value < -1)",
        "p->multiplier[c] => p->multiplier[0]",
        "x[c] - p->x_zero_point => x[c]",
    )
}

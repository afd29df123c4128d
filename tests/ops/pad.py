"""Borders: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from mcuq.ir.integer import Rounding
from mcuq.ops.pad import PadStep
from tests.ops import randoms
from tests.ops.randoms import Example, Generator


def pad_example(rng: Random, rounding: Rounding) -> Example:
    shape = rng.choice([(rng.randint(1, 9),), (2, 3), (1, 4, 3), randoms.image_shape(rng)])
    pads = tuple((rng.choice([0, 0, 1, 3]), rng.choice([0, 0, 1, 2])) for _ in shape)
    return Example(PadStep(pads, randoms.zero_point(rng), *randoms.ALL), (shape,), (0,))


def wide_pad_example(rng: Random, rounding: Rounding) -> Example:
    return randoms.wide_move(pad_example(rng, rounding), value=rng.randint(-32768, 32767))


def _pad(x: Any, pads: list, value: int) -> Any:
    if not pads:
        return x
    inner = [_pad(item, pads[1:], value) for item in x]
    before, after = pads[0]
    return (
        [_filled(inner[0], value) for _ in range(before)]
        + inner
        + [_filled(inner[0], value) for _ in range(after)]
    )


def _filled(like: Any, value: int) -> Any:
    return [_filled(item, value) for item in like] if isinstance(like, list) else value


def pad(op: Any, x: Any) -> Any:
    return _pad(x, list(op.pads), op.value)


EXAMPLES: Mapping[str, Generator] = {"pad": pad_example}
WIDE_EXAMPLES: Mapping[str, Generator] = {"pad": wide_pad_example}
REFERENCES: Mapping[str, Callable[..., Any]] = {"pad": pad}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_pad_s16": (
        "(int16_t)p->value => 0",
        "+ p->before_2 => + p->before_1",
        "j + p->before_1 => j",
        "p->in_3 * sizeof *x => p->in_3",
    ),
    "mcuq_pad_s8": (
        "p->value, => 0,",
        "+ p->before_2 => + p->before_1",
        "j + p->before_1 => j",
    ),
}

"""Generators of examples for operators that compare, look up and move codes."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import numpy as np

from mcuq.ir.integer import Rounding
from mcuq.ir.types import Shape
from mcuq.ops.argmax import ArgMaxStep
from mcuq.ops.constant import ConstantStep, CopyStep
from mcuq.ops.move import ConcatStep, SliceStep, TransposeStep
from mcuq.ops.pad import PadStep
from mcuq.ops.resize import ResizeNearestStep
from mcuq.ops.table import TableStep
from mcuq.ops.unary import ClipStep
from tests.builders import random_codes
from tests.ops import randoms
from tests.ops.randoms import Example, Generator

ALL = (-128, 127)


def _codes(rng: Random, *shape: int) -> np.ndarray:
    return random_codes(np.random.default_rng(rng.getrandbits(64)), *shape)


def _ranked_shape(rng: Random) -> Shape:
    """Up to five axes, some of them 1."""
    return tuple(rng.choice([1, 2, 3, 4, 5]) for _ in range(rng.randint(1, 5)))


def clip(rng: Random, rounding: Rounding) -> Example:
    return Example(ClipStep(*randoms.limits(rng)), (randoms.any_shape(rng),), (0,))


def table(rng: Random, rounding: Rounding) -> Example:
    return Example(TableStep(_codes(rng, 256)), (randoms.any_shape(rng),), (0,))


def argmax(rng: Random, rounding: Rounding) -> Example:
    """Ties are common: equal rows, rows of extremes."""
    return Example(ArgMaxStep(), (randoms.any_shape(rng),), (randoms.zero_point(rng),))


def copy(rng: Random, rounding: Rounding) -> Example:
    return Example(CopyStep(), (randoms.any_shape(rng),), (0,))


def constant(rng: Random, rounding: Rounding) -> Example:
    return Example(ConstantStep(_codes(rng, *randoms.any_shape(rng))), (), ())


def concat(rng: Random, rounding: Rounding) -> Example:
    shape = _ranked_shape(rng)
    axis = rng.randrange(len(shape))
    sizes = [rng.choice([1, 2, 3, 7]) for _ in range(rng.randint(1, 4))]
    shapes = tuple((*shape[:axis], size, *shape[axis + 1 :]) for size in sizes)
    return Example(ConcatStep(axis, *ALL), shapes, (0,) * len(shapes))


def slice_(rng: Random, rounding: Rounding) -> Example:
    shape = _ranked_shape(rng)
    spans = []
    for size in shape:
        start = rng.randrange(size)
        whole = rng.random() < 0.3
        spans.append((0, size, 1) if whole else (start, rng.randint(start + 1, size), rng.randint(1, 3)))
    starts, stops, steps = zip(*spans, strict=True)
    return Example(SliceStep(starts, stops, steps, *ALL), (shape,), (0,))


def transpose(rng: Random, rounding: Rounding) -> Example:
    shape = _ranked_shape(rng)
    perm = tuple(rng.sample(range(len(shape)), len(shape)))
    return Example(TransposeStep(perm, *ALL), (shape,), (0,))


def resize_nearest(rng: Random, rounding: Rounding) -> Example:
    shape = randoms.image_shape(rng)
    rows, cols = (
        tuple(sorted(rng.randrange(size) for _ in range(rng.randint(1, 2 * size)))) for size in shape[1:3]
    )
    return Example(ResizeNearestStep(rows, cols, *ALL), (shape,), (0,))


def pad(rng: Random, rounding: Rounding) -> Example:
    shape = rng.choice([(rng.randint(1, 9),), (2, 3), (1, 4, 3), randoms.image_shape(rng)])
    pads = tuple((rng.choice([0, 0, 1, 3]), rng.choice([0, 0, 1, 2])) for _ in shape)
    return Example(PadStep(pads, randoms.zero_point(rng), *ALL), (shape,), (0,))


GENERATORS: Mapping[str, Generator] = {
    "clip": clip,
    "table": table,
    "argmax": argmax,
    "copy": copy,
    "constant": constant,
    "concat": concat,
    "slice": slice_,
    "transpose": transpose,
    "resize_nearest": resize_nearest,
    "pad": pad,
}

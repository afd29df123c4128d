"""Random pieces of integer steps, made so that ties, tails, extremes and left shifts are common."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy as np

from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.op import ShapeError
from mcuq.ir.program import StepOp
from mcuq.ir.types import DType, Shape
from mcuq.ops.accumulator import Accumulator
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.weighted_step import changed_step
from mcuq.ops.window import Window
from tests.builders import random_codes

INT32_MAX = 2**31 - 1
ALL = (-128, 127)


@dataclasses.dataclass(frozen=True, eq=False)
class Example:
    """A step with the shapes of its inputs.

    Args:
        op: the step.
        shapes: one per input.
        zero_points: one per input, around which some inputs are chosen.
        types: of the inputs, by default int8.
    """

    op: StepOp
    shapes: tuple[Shape, ...]
    zero_points: tuple[int, ...]
    types: tuple[DType, ...] = ()

    def __post_init__(self) -> None:
        if not self.types:
            object.__setattr__(self, "types", (DType.INT8,) * len(self.shapes))


Generator = Callable[[Random, Rounding], Example]


def zero_point(rng: Random) -> int:
    return rng.choice([-128, 127, 0, rng.randint(-128, 127), rng.randint(-20, 20)])


def wide_zero_point(rng: Random) -> int:
    """Mostly that of symmetric int16."""
    return rng.choice([0, 0, 0, rng.randint(-32768, 32767)])


def wide_limits(rng: Random) -> tuple[int, int]:
    """Clamp codes of int16: none, from below, narrow."""
    lo = rng.randint(-32768, 30000)
    return rng.choice([(-32768, 32767), (-32768, 32767), (lo, 32767), (lo, rng.randint(lo, 32767))])


def limits(rng: Random) -> tuple[int, int]:
    """Clamp codes: none, as of ReLU and ReLU6, from above alone, narrow, a single code."""
    lo = rng.randint(-128, 100)
    code = rng.randint(-128, 127)
    some = [(lo, 127), (-128, rng.randint(-20, 126)), (lo, rng.randint(lo, 127)), (code, code)]
    return rng.choice(some) if rng.random() < 0.4 else (-128, 127)


def multiplier(rng: Random) -> int:
    """Powers of two make ties; the ends of the range overflow first."""
    return rng.choice([2**30, 2**30, 2**31 - 1, 3 * 2**29, rng.randrange(2**30, 2**31)])


def scale(rng: Random, bound: int, typical: int | None = None) -> tuple[int, int]:
    """A (multiplier, shift) for values up to `bound` in magnitude that never leaves int32.

    Mostly values of a `typical` magnitude fill int8; sometimes they saturate, vanish, or stay near the
    largest shift.
    """
    most = (INT32_MAX - 256) // max(bound, 1)
    most_left = min(30, most.bit_length() - 1)
    assert most_left >= 0, bound
    shift = 7 - (typical or bound).bit_length() + rng.randint(-1, 1)
    if rng.random() < 0.25:
        shift = rng.choice([most_left, rng.randint(0, most_left), -1, -31, rng.randint(-31, 0)])
    if rng.random() < 0.02:
        return 0, 0
    return multiplier(rng), max(-31, min(shift, most_left))


def requant(
    rng: Random, bounds: Sequence[int], rounding: Rounding, typical: Sequence[int] | None = None
) -> Requant:
    """One scale per bound: right shifts, left shifts and zero multipliers side by side."""
    pairs = [scale(rng, *pair) for pair in zip(bounds, typical or bounds, strict=True)]
    return Requant(tuple(m for m, _ in pairs), tuple(s for _, s in pairs), rounding)


def wide_move(example: Example, zero: int = 0, **changes: Any) -> Example:
    """The same on int16 codes, of all values unless it says otherwise."""
    limits = {"lo": DType.INT16.qmin, "hi": DType.INT16.qmax, **changes}
    types = (DType.INT16,) * len(example.shapes)
    return Example(changed_step(example.op, **limits), example.shapes, (zero,) * len(types), types)


def weights(rng: Random, shape: Shape, most: int = 127) -> np.ndarray:
    """Int8 in [-most, most]; some channels are dead, tiny (their sums survive left shifts) or extreme."""
    out = np.empty(shape, np.int8)
    values = np.random.default_rng(rng.getrandbits(64))
    for channel in range(shape[0]):
        largest = rng.choice([most, most, most, 1, 3, 0])
        out[channel] = values.integers(-largest, largest + 1, shape[1:])
        if rng.random() < 0.15:
            out[channel] = rng.choice([-most, most])
    return out


def weighted(rng: Random, shape: Shape, rounding: Rounding, kind: DType = DType.INT8) -> WeightedParams:
    """Parameters of a weighted layer whose sums provably fit."""
    w = weights(rng, shape, kind.qmax)
    if kind is DType.INT4 and rng.random() < 0.1:
        w = np.where(w == -7, np.int8(-8), w)  # a stored program may hold it
    flat = w.reshape(len(w), -1).astype(np.int64)
    typical = [int(t) + 1 for t in 80 * np.sqrt((flat**2).sum(axis=1))]
    largest = [int(t) + 1 for t in 255 * np.abs(flat).sum(axis=1)]
    bias = [_bias(rng, *pair) for pair in zip(typical, largest, strict=True)]
    is_ordinary = rng.random() < 0.5
    if is_ordinary:
        bias = [rng.randint(-t, t) for t in typical]
    # The kernel may also fold the zero point into the bias.
    bounds = [abs(b) + 2 * t for b, t in zip(bias, largest, strict=True)]
    scales = requant(rng, bounds, rounding, typical)
    if is_ordinary:
        # As trained layers are, and fast kernels want them: right shifts only, none beyond 23.
        shifts = tuple(max(-23, min(shift, -1)) for shift in scales.shift)
        scales = Requant(tuple(m or 2**30 for m in scales.multiplier), shifts, rounding)
    lo, hi = limits(rng)
    zero_points = zero_point(rng), zero_point(rng)
    return WeightedParams(w, np.array(bias, np.int32), scales, *zero_points, lo, hi, kind)


def widened(rng: Random, example: Example) -> Example:
    """A layer with an input or output of int16, in every mix, and with sums of int64 now and then."""
    narrow, wide = DType.INT8, DType.INT16
    x_type, y_type = rng.choice([(wide, wide), (wide, narrow), (narrow, wide)])
    old = example.op.params
    flat = old.weights.reshape(len(old.weights), -1).astype(np.int64)
    power = {DType.INT8: 80, DType.INT16: 9000}[x_type]
    typical = [int(t) + 1 for t in power * np.sqrt((flat**2).sum(axis=1))]
    largest = [int(t) + 1 for t in {DType.INT8: 255, DType.INT16: 32768}[x_type] * np.abs(flat).sum(axis=1)]
    is_long = x_type is DType.INT16 and (rng.random() < 0.3 or max(largest) >= 2**29)
    bias = [rng.randint(-t, t) for t in (min(t, 2**29) for t in typical)]
    if rng.random() < 0.2:
        bias = [rng.choice([0, INT32_MAX if is_long else 2**29, -(2**29)]) for _ in bias]
    bounds = [abs(b) + 2 * t for b, t in zip(bias, largest, strict=True)]
    most = 2**30 if is_long else None
    scales = requant(rng, [min(b, most or b) for b in bounds], old.requant.rounding, typical)
    extra = {DType.INT8: 0, DType.INT16: 8}[y_type]
    limit = [14 if is_long else (INT32_MAX // b).bit_length() - 1 for b in bounds]
    shifts = [
        max(-31, min(s + extra, t)) if rng.random() < 0.9 else max(-31, min(s, t))
        for s, t in zip(scales.shift, limit, strict=True)
    ]
    params = dataclasses.replace(
        old,
        bias=np.array(bias, np.int32),
        requant=Requant(scales.multiplier, tuple(shifts), old.requant.rounding),
        x_zero_point=0 if x_type is DType.INT16 else old.x_zero_point,
        y_zero_point=0 if y_type is DType.INT16 else old.y_zero_point,
        lo=old.lo if y_type is DType.INT8 else wide_limits(rng)[0],
        hi=old.hi if y_type is DType.INT8 else DType.INT16.qmax,
        x_type=x_type,
        y_type=y_type,
        accumulator=Accumulator.INT64 if is_long else Accumulator.INT32,
    )
    op = changed_step(example.op, params=params)
    return Example(op, example.shapes, (params.x_zero_point,), (x_type,))


def _bias(rng: Random, typical: int, largest: int) -> int:
    spread = rng.choice([0, typical, typical, typical, largest, 2**30 - largest])
    return rng.randint(-spread, spread)


def window(rng: Random, height: int, width: int, *, pads: bool = True, dilations: bool = True) -> Window:
    """A window that fits the image at least once; often it has tails and windows half outside."""
    while True:
        kernel = rng.choice([(1, 1), (3, 3), (rng.randint(1, 5), rng.randint(1, 5))])
        dilation = rng.choice([(1, 1), (rng.randint(1, 3), rng.randint(1, 3))]) if dilations else (1, 1)
        reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
        border = (0, 0, 0, 0)
        if pads and rng.random() < 0.7:
            # Sometimes wide enough for a window that misses the image.
            top, left, bottom, right = (rng.randint(0, reach[i % 2] - (rng.random() < 0.9)) for i in range(4))
            border = (top, left, bottom, right)
        candidate = Window(
            kernel,
            rng.choice([(1, 1), (2, 2), (1, 2), (2, 1), (rng.randint(1, 3), rng.randint(1, 3))]),
            border,
            dilation,
        )
        try:
            candidate.output_size(height, width)
        except ShapeError:
            continue
        return candidate


def image_shape(rng: Random, channels: int | None = None) -> Shape:
    """Batches, single pixels, lines, odd channels."""
    larger = (rng.randint(3, 9), rng.randint(3, 9))
    height, width = rng.choice(
        [(1, 1), (1, 7), (rng.randint(1, 6), rng.randint(1, 6)), larger, larger, larger]
    )
    return (rng.choice([1, 1, 2]), height, width, channels or rng.choice([1, 2, 3, 4, 5, 8, 9]))


def codes(rng: Random, *shape: int) -> np.ndarray:
    return random_codes(np.random.default_rng(rng.getrandbits(64)), *shape)


def ranked_shape(rng: Random) -> Shape:
    """Up to five axes, some of them 1."""
    return tuple(rng.choice([1, 2, 3, 4, 5]) for _ in range(rng.randint(1, 5)))


def any_shape(rng: Random) -> Shape:
    return rng.choice(
        [(1,), (rng.randint(1, 70),), (1, rng.randint(1, 33)), (2, 3, 5), image_shape(rng), (1, 2, 1, 2, 3)]
    )


def broadcast_shapes(rng: Random) -> tuple[Shape, Shape]:
    """Two operands' shapes: mostly equal; else one is repeated, or both are."""
    if rng.random() < 0.5:
        shape = any_shape(rng)
        return shape, shape
    full = rng.choice([(2, 3, 5), (1, 4, 3, 6), (2, 3, 2, 3), (4,), (1, 1, 1, 9), (2, 1, 3, 1, 4)])
    kept = [rng.random() < 0.6 for _ in full]
    small = tuple(size if keep else 1 for size, keep in zip(full, kept, strict=True))
    if rng.random() < 0.2:
        # No two axes that one loop could walk.
        return rng.choice([((2, 1, 3, 1), (1, 3, 1, 2)), ((1, 4, 1, 5), (3, 1, 2, 1))])
    small = small[rng.randint(0, len(small) - 1) :]
    other = tuple(1 if keep and rng.random() < 0.3 else size for size, keep in zip(full, kept, strict=True))
    return rng.choice([(full, small), (small, full), (other, small), (small, other)])

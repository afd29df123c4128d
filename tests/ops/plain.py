"""docs/numerics.md in plain Python integers: what the references of all operators reckon with.

It shares no arithmetic with mcuq. Tensors are nested lists of codes without the sample axis: images
`[n][h][w][c]`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

INT32_MAX = 2**31 - 1


def wrap32(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31


def int32(value: int) -> int:
    """The value, which the compiler promised to fit."""
    assert -(2**31) <= value <= INT32_MAX, value
    return value


def half_away(value: Fraction) -> int:
    whole = math.floor(abs(value) + Fraction(1, 2))
    return whole if value >= 0 else -whole


def quantize_multiplier(scale: float) -> tuple[int, int]:
    if scale == 0:
        return 0, 0
    exponent = 0
    fraction = Fraction(scale)
    while fraction >= 1:
        fraction, exponent = fraction / 2, exponent + 1
    while fraction < Fraction(1, 2):
        fraction, exponent = fraction * 2, exponent - 1
    multiplier = half_away(fraction * 2**31)
    if multiplier == 2**31:
        multiplier, exponent = 2**30, exponent + 1
    return (0, 0) if exponent < -31 else (multiplier, exponent)


def dhm(a: int, b: int) -> int:
    return wrap32((a * b + 2**30) >> 31)


def rdp(x: int, exponent: int) -> int:
    """x / 2^exponent to nearest, ties away from zero."""
    if exponent >= 32:
        return 0
    mask = 2**exponent - 1
    return (x >> exponent) + int((x & mask) > (mask >> 1) + int(x < 0))


def rq(value: int, multiplier: int, shift: int, rounding: str) -> int:
    int32(value)
    if rounding == "single":
        return int32((((value * multiplier) >> (30 - shift)) + 1) >> 1)
    return rdp(dhm(int32(value << max(shift, 0)), multiplier), max(-shift, 0))


def clamp(value: int, lo: int, hi: int) -> int:
    return max(lo, min(hi, int32(value)))


def requant(value: int, requant: Any, channel: int = 0) -> int:
    return rq(value, requant.multiplier[channel], requant.shift[channel], requant.rounding.value)


def taps(window: Any, oy: int, ox: int) -> Iterator[tuple[int, int, int, int]]:
    """(i, j, row, column) of every tap of one output, inside the image or not."""
    for i in range(window.kernel[0]):
        for j in range(window.kernel[1]):
            row = oy * window.strides[0] - window.pads[0] + i * window.dilations[0]
            col = ox * window.strides[1] - window.pads[1] + j * window.dilations[1]
            yield i, j, row, col


def is_inside(image: list, row: int, col: int) -> bool:
    return 0 <= row < len(image) and 0 <= col < len(image[0])


def over_windows(op: Any, x: list, channels: int, value: Callable[[list, int, int, int], int]) -> list:
    """`value(image, oy, ox, channel)` for every output of a windowed operator."""
    window = op.window
    sizes = []
    for axis, size in enumerate((len(x[0]), len(x[0][0]))):
        reach = window.dilations[axis] * (window.kernel[axis] - 1) + 1
        sizes.append((size + window.pads[axis] + window.pads[axis + 2] - reach) // window.strides[axis] + 1)
    return [
        [
            [[value(image, oy, ox, c) for c in range(channels)] for ox in range(sizes[1])]
            for oy in range(sizes[0])
        ]
        for image in x
    ]


def weighted(params: Any, acc: int, channel: int) -> int:
    if params.accumulator.value == "acc64":
        multiplier, shift = params.requant.multiplier[channel], params.requant.shift[channel]
        short = (multiplier + 2**15) >> 16 if multiplier < 0x7FFF0000 else 0x7FFF
        value = (((acc * short) >> (14 - shift)) + 1) >> 1
        return max(params.lo, min(params.hi, value + params.y_zero_point))
    value = requant(acc, params.requant, channel)
    return clamp(value + params.y_zero_point, params.lo, params.hi)

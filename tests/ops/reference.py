"""docs/numerics.md in plain Python integers, element by element; it shares no arithmetic with mcuq.

Tensors are nested lists of codes without the sample axis: images `[n][h][w][c]`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
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


def _requant(value: int, requant: Any, channel: int = 0) -> int:
    return rq(value, requant.multiplier[channel], requant.shift[channel], requant.rounding.value)


def _taps(window: Any, oy: int, ox: int) -> Iterator[tuple[int, int, int, int]]:
    """(i, j, row, column) of every tap of one output, inside the image or not."""
    for i in range(window.kernel[0]):
        for j in range(window.kernel[1]):
            row = oy * window.strides[0] - window.pads[0] + i * window.dilations[0]
            col = ox * window.strides[1] - window.pads[1] + j * window.dilations[1]
            yield i, j, row, col


def _is_inside(image: list, row: int, col: int) -> bool:
    return 0 <= row < len(image) and 0 <= col < len(image[0])


def _over_windows(op: Any, x: list, channels: int, value: Callable[[list, int, int, int], int]) -> list:
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


def _weighted(params: Any, acc: int, channel: int) -> int:
    value = _requant(acc, params.requant, channel)
    return clamp(value + params.y_zero_point, params.lo, params.hi)


def conv2d(op: Any, x: list) -> list:
    params = op.params
    weights, bias = params.weights.tolist(), params.bias.tolist()
    depth = len(weights[0][0][0])
    filters = len(weights) // op.groups

    def value(image: list, oy: int, ox: int, m: int) -> int:
        acc, first = bias[m], (m // filters) * depth
        for i, j, row, col in _taps(op.window, oy, ox):
            if _is_inside(image, row, col):
                for c in range(depth):
                    acc += (image[row][col][first + c] - params.x_zero_point) * weights[m][i][j][c]
                    int32(acc)
        return _weighted(params, acc, m)

    return _over_windows(op, x, len(weights), value)


def depthwise_conv2d(op: Any, x: list) -> list:
    params = op.params
    weights, bias = params.weights.tolist(), params.bias.tolist()
    multiple = len(weights) // len(x[0][0][0])

    def value(image: list, oy: int, ox: int, m: int) -> int:
        acc = bias[m]
        for i, j, row, col in _taps(op.window, oy, ox):
            if _is_inside(image, row, col):
                acc += (image[row][col][m // multiple] - params.x_zero_point) * weights[m][i][j][0]
        return _weighted(params, acc, m)

    return _over_windows(op, x, len(weights), value)


def linear(op: Any, x: list) -> list:
    if isinstance(x[0], list):
        return [linear(op, row) for row in x]
    params = op.params
    return [
        _weighted(params, b + sum((q - params.x_zero_point) * k for q, k in zip(x, w, strict=True)), m)
        for m, (w, b) in enumerate(zip(params.weights.tolist(), params.bias.tolist(), strict=True))
    ]


def add(op: Any, a: Any, b: Any) -> Any:
    if isinstance(a, list):
        return [add(op, *pair) for pair in zip(a, b, strict=True)]
    left = _requant((a - op.a_zero_point) << 20, op.a_requant)
    right = _requant((b - op.b_zero_point) << 20, op.b_requant) * (-1 if op.is_subtraction else 1)
    return clamp(_requant(int32(left + right), op.y_requant) + op.y_zero_point, op.lo, op.hi)


def mul(op: Any, a: Any, b: Any) -> Any:
    if isinstance(a, list):
        return [mul(op, *pair) for pair in zip(a, b, strict=True)]
    product = (a - op.a_zero_point) * (b - op.b_zero_point)
    return clamp(_requant(product, op.requant) + op.y_zero_point, op.lo, op.hi)


def max_pool(op: Any, x: list) -> list:
    def value(image: list, oy: int, ox: int, c: int) -> int:
        taps = [(row, col) for _, _, row, col in _taps(op.window, oy, ox) if _is_inside(image, row, col)]
        return max((image[row][col][c] for row, col in taps), default=-128)

    return _over_windows(op, x, len(x[0][0][0]), value)


def average_pool(op: Any, x: list) -> list:
    def value(image: list, oy: int, ox: int, c: int) -> int:
        codes = []
        for _, _, row, col in _taps(op.window, oy, ox):
            if _is_inside(image, row, col):
                codes.append(image[row][col][c])
            elif op.count_include_pad:
                codes.append(op.x_zero_point)
        return half_away(Fraction(sum(codes), len(codes))) if codes else 0

    return _over_windows(op, x, len(x[0][0][0]), value)


def mean(op: Any, x: list) -> list:
    taps = op.window.kernel[0] * op.window.kernel[1]

    def value(image: list, oy: int, ox: int, c: int) -> int:
        total = sum(image[row][col][c] for _, _, row, col in _taps(op.window, oy, ox))
        return clamp(_requant(total - taps * op.x_zero_point, op.requant) + op.y_zero_point, op.lo, op.hi)

    return _over_windows(op, x, len(x[0][0][0]), value)


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


def softmax(op: Any, x: list) -> list:
    if isinstance(x[0], list):
        return [softmax(op, row) for row in x]
    largest = max(x)
    left, right = max(op.shift, 0), max(-op.shift, 0)
    distances = {q - largest for q in x}
    e = {
        d: exp_negative(rdp(dhm(wrap32(d << left), op.multiplier), right))
        for d in distances
        if d >= op.diff_min
    }
    total = int32(sum(rdp(e[q - largest], 12) for q in x if q - largest in e))
    headroom = 32 - total.bit_length()
    r = one_over_one_plus(wrap32((total << headroom) - 2**31))

    def value(q: int) -> int:
        d = q - largest
        return clamp(rdp(dhm(r, e[d]), 12 - headroom + 23) - 128, -128, 127) if d in e else -128

    return [value(q) for q in x]


def clip(op: Any, x: Any) -> Any:
    return [clip(op, item) for item in x] if isinstance(x, list) else clamp(x, op.lo, op.hi)


def table(op: Any, x: Any) -> Any:
    return [table(op, item) for item in x] if isinstance(x, list) else int(op.table[x + 128])


def argmax(op: Any, x: Any) -> Any:
    return [argmax(op, item) for item in x] if isinstance(x[0], list) else [x.index(max(x))]


def copy(op: Any, x: Any) -> Any:
    return x


def constant(op: Any) -> Any:
    return op.codes.tolist()


def concat(op: Any, *xs: Any) -> Any:
    return _concat(xs, op.axis)


def _concat(xs: Any, axis: int) -> Any:
    if axis == 0:
        return [item for x in xs for item in x]
    return [_concat(rows, axis - 1) for rows in zip(*xs, strict=True)]


def slice_(op: Any, x: Any) -> Any:
    return _slice(x, list(zip(op.starts, op.stops, op.steps, strict=True)))


def _slice(x: Any, spans: list) -> Any:
    if not spans:
        return x
    (start, stop, step), *rest = spans
    return [_slice(x[i], rest) for i in range(start, stop, step)]


def transpose(op: Any, x: Any) -> Any:
    sizes = []
    item = x
    while isinstance(item, list):
        sizes.append(len(item))
        item = item[0]

    def build(index: list[int]) -> Any:
        if len(index) < len(sizes):
            return [build([*index, i]) for i in range(sizes[op.perm[len(index)]])]
        value = x
        for axis in range(len(sizes)):
            value = value[index[op.perm.index(axis)]]
        return value

    return build([])


def resize_nearest(op: Any, x: list) -> list:
    return [[[image[row][col] for col in op.cols] for row in op.rows] for image in x]


def pad(op: Any, x: Any) -> Any:
    return _pad(x, list(op.pads), op.value)


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


REFERENCES: Mapping[str, Callable[..., Any]] = {
    "conv2d": conv2d,
    "depthwise_conv2d": depthwise_conv2d,
    "linear": linear,
    "add": add,
    "mul": mul,
    "max_pool": max_pool,
    "average_pool": average_pool,
    "mean": mean,
    "softmax": softmax,
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

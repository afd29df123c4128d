"""Layers on both sides of every limit of the kernels for DSP cores.

What lies inside a limit reaches it: mixed inputs hold the smallest and the largest code everywhere, and
weights of one sign turn them into the smallest and the largest sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mcuq.ir.integer import Requant, Rounding, quantize_multiplier
from mcuq.ir.types import DType
from mcuq.ops.arithmetic import AddStep
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.pool import AveragePoolStep, MaxPoolStep, MeanStep
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window
from tests.kernels.special import Edge
from tests.ops.randoms import Example

# Kernels that compute channels beyond the shortcut's limits in a way of their own: both sides are examples.
TAKES_ODD = (
    "mcuq_conv2d_s8_paired",
    "mcuq_linear_s8_paired",
    "mcuq_depthwise_conv2d_s8_3x3",
    "mcuq_depthwise_conv2d_s8_dsp",
)
PAIRED = 2**23
SUMS = 2**30
# Kernels with the number of bits below which their sums lie.
WINOGRAD = {"mcuq_conv2d_s8_winograd_2x2": 29, "mcuq_conv2d_s8_winograd_4x4": 25}


def params(
    weights: np.ndarray,
    bias: Sequence[int],
    right: Sequence[int] | int = 16,
    *,
    multiplier: int = 2**30,
    x_zero_point: int = 0,
    y_zero_point: int = 0,
    limits: tuple[int, int] = (-128, 127),
    rounding: Rounding = Rounding.DOUBLE,
) -> WeightedParams:
    m = len(weights)
    shifts = tuple(-r for r in ([right] * m if isinstance(right, int) else right))
    scales = Requant((multiplier,) * m, shifts, rounding)
    return WeightedParams(
        weights.astype(np.int8), np.array(bias, np.int32), scales, x_zero_point, y_zero_point, *limits
    )


Layer = Callable[[WeightedParams], Example]
# Kernels of weighted layers: output channels, the shape of weights behind them, a step of such parameters.
WEIGHTED: dict[str, tuple[int, tuple[int, ...], Layer]] = {}


def _conv(found: WeightedParams) -> Example:
    window = Window((1, 1))
    shape = (1, 1, 4, found.weights.shape[3])
    return Example(ConvStep(found, window, 1), (shape,), (found.x_zero_point,))


def _linear(found: WeightedParams) -> Example:
    return Example(LinearStep(found), ((1, found.weights.shape[1]),), (found.x_zero_point,))


def _depthwise(found: WeightedParams) -> Example:
    shape = (1, *found.weights.shape[1:3], len(found.weights))
    return Example(DepthwiseStep(found, Window(found.weights.shape[1:3])), (shape,), (found.x_zero_point,))


WEIGHTED["mcuq_conv2d_s8_paired"] = (5, (1, 1, 30), _conv)
WEIGHTED["mcuq_conv2d_s8_gemm"] = (5, (1, 1, 30), _conv)
WEIGHTED["mcuq_linear_s8_paired"] = (12, (66,), _linear)
WEIGHTED["mcuq_linear_s8_dsp"] = (12, (66,), _linear)
WEIGHTED["mcuq_depthwise_conv2d_s8_3x3"] = (4, (3, 3, 1), _depthwise)
WEIGHTED["mcuq_depthwise_conv2d_s8_dsp"] = (4, (5, 3, 1), _depthwise)


def pairs(kernel: str) -> Iterator[Edge]:
    """The sums of a second channel, without its bias: -2^23 to 2^23 - 1; -128 beside what is negative."""
    m, rest, layer = WEIGHTED[kernel]
    deep = (*[1] * (len(rest) - 1), PAIRED // 128 // 127 + 1)
    for sign in (1, -1):
        # Codes reach 127 and -128: with the sign of the weights either bound is the first to be met.
        most = PAIRED // 128 - (sign < 0)
        for zero_point in (0, 7, -128):
            inside, outside = np.full((2, m, *deep), sign * 55)
            for weights, sum_of_weights in ((inside, most), (outside, most + 1)):
                weights[1] = sign * 127
                weights[1, ..., -1] = sign * (sum_of_weights - 127 * (deep[-1] - 1))
            made = (
                layer(params(weights, [5] * m, 15, x_zero_point=zero_point, y_zero_point=-3))
                for weights in (inside, outside)
            )
            yield Edge(kernel, f"sums of pairs, sign {sign}, zero {zero_point}", *made)
    for row, beside in ((0, -90), (0, 90), (1, 0)):
        inside, outside = np.full((2, m, *rest), -90)
        inside[row] = -128
        inside[1 - row] = beside
        outside[1] = -128
        yield Edge(
            kernel,
            f"weights of channel {row} beside {beside}",
            layer(params(inside, [5] * m, 12)),
            layer(params(outside, [5] * m, 12)),
        )


def sums(kernel: str) -> Iterator[Edge]:
    """Sums below 2^30, at the largest shift, with zero points that make the largest addends."""
    m, rest, layer = WEIGHTED[kernel]
    reach = 255 * 20 * int(np.prod(rest))
    for sign, y_zero_point in ((1, -128), (1, -1), (-1, 0), (-1, 127)):
        # Centred inputs reach 255 where the zero point is the least code.
        weights = np.full((m, *rest), 3)
        weights[2] = sign * 20
        inside, outside = (
            layer(
                params(
                    weights,
                    [3, -3, sign * (SUMS - 1 - reach + extra), *[0] * (m - 3)],
                    [10, 10, 23, *[10] * (m - 3)],
                    multiplier=_with_tie(SUMS - reach, 23),
                    x_zero_point=-128,
                    y_zero_point=y_zero_point,
                )
            )
            for extra in (0, 1)
        )
        yield Edge(kernel, f"sums of sign {sign}, zero {y_zero_point}", inside, outside)


def _with_tie(value: int, right: int) -> int:
    """A multiplier that brings a sum near 2^30 half way between two codes: its channel is not constant."""
    halves = 255 if right == 23 else 127
    return halves * 2 ** (30 + right) // value


def shifts(kernel: str) -> Iterator[Edge]:
    """Right shifts from 1 to 23, where sums can have so small or so large a one."""
    m, rest, layer = WEIGHTED[kernel]
    weights = np.zeros((m, *rest), np.int64)
    weights.reshape(m, -1)[:, :2] = 1
    for row in (2, 3):
        inside, outside = (
            layer(
                params(
                    weights,
                    [3] * m,
                    [right if channel == row else 8 for channel in range(m)],
                    multiplier=2**31 - 1,
                    x_zero_point=-1,
                    y_zero_point=-11,
                )
            )
            for right in (1, 0)
        )
        yield Edge(kernel, f"right shift 1 of channel {row}", inside, outside)
    start = SUMS - 2**16
    for sign, y_zero_point in ((1, 40), (-1, -60)):
        inside, outside = (
            layer(
                params(
                    70 * weights,
                    [9, 9, sign * start, *[9] * (m - 3)],
                    [8, 8, right, *[8] * (m - 3)],
                    multiplier=_with_tie(start, right),
                    y_zero_point=y_zero_point if right == 24 else -sign,
                )
            )
            for right in (23, 24)
        )
        yield Edge(kernel, f"right shift 23, sign {sign}", inside, outside)


def contracts(kernel: str, m: int, rest: tuple[int, ...], layer: Layer) -> Iterator[Edge]:
    """Two roundings, not one."""
    weights = np.arange(m * int(np.prod(rest))).reshape(m, *rest) % 19 - 9
    inside, outside = (
        layer(params(weights, range(m), 10, multiplier=3 * 2**29, rounding=rounding))
        for rounding in (Rounding.DOUBLE, Rounding.SINGLE)
    )
    yield Edge(kernel, "rounding", inside, outside)


def transforms() -> Iterator[Edge]:
    """Sums that leave int32 when they are multiplied by the factor of Winograd's transforms."""
    for kernel, bits in WINOGRAD.items():
        weight, taps = 50, 9 * 8
        start = 2**bits - 1 - 128 * weight * taps
        # The other end of the codes is one nearer.
        starts = {1: start, -1: -start - weight * taps}
        for sign in (1, -1):
            weights = np.full((5, 3, 3, 8), 3)
            weights[2] = -weight
            inside, outside = (
                _window_3x3(
                    params(
                        weights,
                        [3, -3, starts[sign] + sign * extra, 0, 5],
                        [10, 10, bits - 7, 10, 10],
                        multiplier=_with_tie(start, bits - 7),
                        y_zero_point=-sign,
                    )
                )
                for extra in (0, 1)
            )
            yield Edge(kernel, f"sums of sign {sign}", inside, outside)
        plain, single = (
            _window_3x3(params(weights, range(5), 10, multiplier=3 * 2**29, rounding=rounding))
            for rounding in (Rounding.DOUBLE, Rounding.SINGLE)
        )
        yield Edge(kernel, "rounding", plain, single)
        for window in (Window((3, 3), (1, 2)), Window((3, 3), (2, 1)), Window((3, 3), dilations=(2, 1))):
            outside = _window_3x3(params(weights, range(5), 10, multiplier=3 * 2**29), window)
            yield Edge(kernel, f"window {window}", plain, outside)


def _window_3x3(found: WeightedParams, window: Window | None = None) -> Example:
    shape = (1, 6, 7, found.weights.shape[3])
    return Example(ConvStep(found, window or Window((3, 3)), 1), (shape,), (found.x_zero_point,))


def windows() -> Iterator[Edge]:
    """Taps of a depthwise window, and channels in fours."""
    for kernel, inside, outside in (
        ("mcuq_depthwise_conv2d_s8_dsp", (5, 10), (3, 17)),
        ("mcuq_depthwise_conv2d_s8_dsp", (7, 7), (4, 13)),
        ("mcuq_depthwise_conv2d_s8_3x3", (3, 3), (3, 2)),
    ):
        examples = []
        for size in (inside, outside):
            weights = np.arange(4 * size[0] * size[1]).reshape(4, *size, 1) % 23 - 11
            examples.append(_depthwise(params(weights, [1, -2, 3, -4], 9, x_zero_point=3)))
        yield Edge(kernel, f"a window of {outside}", *examples)
    for kernel, channels in (
        ("mcuq_depthwise_conv2d_s8_dsp", (4, 3)),
        ("mcuq_depthwise_conv2d_s8_3x3", (8, 6)),
    ):
        inside, outside = (
            _depthwise(params(np.full((m, 3, 3, 1), 5), range(m), 9, x_zero_point=3)) for m in channels
        )
        yield Edge(kernel, f"{channels[1]} channels", inside, outside)


def structures() -> Iterator[Edge]:
    """What kernels do not do: groups, gaps, other strides."""
    weights = np.arange(4 * 3 * 3 * 4).reshape(4, 3, 3, 4) % 21 - 10
    found = params(weights, range(4), 10, x_zero_point=-5)
    shape = (1, 7, 7, 4)
    plain = Example(ConvStep(found, Window((3, 3)), 1), (shape,), (-5,))
    gaps = Example(ConvStep(found, Window((3, 3), dilations=(1, 2)), 1), (shape,), (-5,))
    groups = Example(ConvStep(found, Window((3, 3)), 2), ((1, 7, 7, 8),), (-5,))
    for kernel in ("mcuq_conv2d_s8_gemm", "mcuq_conv2d_s8_paired", *WINOGRAD):
        yield Edge(kernel, "gaps", plain, gaps)
        yield Edge(kernel, "groups", plain, groups)
    each = params(weights[..., :1], range(4), 10, x_zero_point=-5)
    for strides in ((3, 3), (1, 2)):
        inside, outside = (
            Example(DepthwiseStep(each, Window((3, 3), pair)), (shape,), (-5,)) for pair in ((2, 2), strides)
        )
        yield Edge("mcuq_depthwise_conv2d_s8_3x3", f"strides {strides}", inside, outside)


def additions() -> Iterator[Edge]:
    """Shapes with enough elements, and right shifts from 1 to 23."""
    for last, beyond in ((1, 0), (23, 24)):
        inside, outside = (_add((1, 512), right) for right in (last, beyond))
        yield Edge("mcuq_add_s8_table", f"right shift {last}", inside, outside)
    yield Edge("mcuq_add_s8_table", "elements", _add((1, 512), 20), _add((1, 511), 20))


def _add(shape: tuple[int, ...], right: int) -> Example:
    """Operands that are nearly 0 for small shifts, as large as can be for large ones."""
    small = Requant((2**30,), (-19 if right < 9 else 0,), Rounding.DOUBLE)
    y = Requant((2**31 - 1,), (-right,), Rounding.DOUBLE)
    op = AddStep(-128, -128, 126 if right > 9 else -120, small, small, y, False, -128, 127)
    return Example(op, (shape, shape), (-128, -128))


def planes() -> Iterator[Edge]:
    """Scales of which a plane gives every code, and others, with a sum on the wrong side of a tie."""
    inside, outside = (_scaled_add(0.67, b) for b in (0.67, 0.516))
    yield Edge("mcuq_add_s8_plane_dsp", "codes that no plane gives", inside, outside)


def _scaled_add(a: float, b: float, y: float = 0.856) -> Example:
    pairs = (quantize_multiplier(scale) for scale in (a / (2 * max(a, b)), b / (2 * max(a, b))))
    operands = [Requant((m,), (e,), Rounding.DOUBLE) for m, e in pairs]
    m, e = quantize_multiplier(2 * max(a, b) / (2**20 * y))
    op = AddStep(3, -5, 2, *operands, Requant((m,), (e,), Rounding.DOUBLE), False, -128, 127)
    return Example(op, ((1, 40), (1, 40)), (3, -5))


def _mean(shape: tuple[int, ...], kernel: tuple[int, int]) -> Example:
    right = (kernel[0] * kernel[1]).bit_length() - 1
    requant = Requant((2**30,), (-right,), Rounding.DOUBLE)
    return Example(MeanStep(Window(kernel), 0, 2, requant, -128, 127), (shape,), (0,))


def averages() -> list[Example]:
    """As many taps as a sum of 16 bits takes, fewer and more; windows without any."""
    kernels = [(1, 255), (1, 256), (1, 257), (16, 16), (2, 257), (16, 17)]
    found = [((1, *kernel, channels), Window(kernel)) for kernel in kernels for channels in (3, 4, 7)]
    missing = [((1, 2, 2, channels), Window((2, 2), (1, 1), (3, 3, 3, 3))) for channels in (1, 4, 8)]
    steps = [(shape, AveragePoolStep(window, False, 5, -128, 127)) for shape, window in found + missing]
    larger = [(shape, MaxPoolStep(window, -128, 127)) for shape, window in missing]
    return [Example(step, (shape,), (5,)) for shape, step in [*steps, *larger]]


def second_sums(m: int = 5) -> Iterator[Edge]:
    """Sums of second channels, 16 times which stay in 32 bits."""
    scales = Requant((2**30,) * m, (-12,) * m, Rounding.DOUBLE)
    for sign in (1, -1):
        inside, outside = np.full((2, m, 1, 1, 586), 3)
        for weights, last in ((inside, 0), (outside, 1)):
            weights[3] = sign * 7
            weights[3, ..., -1] = sign * last
        for kernel, y_type in (
            ("mcuq_conv2d_s16_w4_gemm", DType.INT16),
            ("mcuq_conv2d_s16_s8_w4_gemm", DType.INT8),
        ):
            ends = (y_type.qmin, y_type.qmax, DType.INT4, DType.INT16, y_type)
            made = (
                WeightedParams(weights.astype(np.int8), np.arange(m, dtype=np.int32), scales, 0, 0, *ends)
                for weights in (inside, outside)
            )
            shapes = ((1, 1, 3, 586),)
            steps = (ConvStep(each, Window((1, 1)), 1) for each in made)
            both = (Example(step, shapes, (0,), (DType.INT16,)) for step in steps)
            yield Edge(kernel, f"sums of a second channel, sign {sign}", *both)


def more_examples() -> list[Example]:
    """As many pixels as a sum of 16 bits takes, fewer and more; windows as wide as the image is high."""
    kernels = [(1, 255), (1, 256), (1, 257), (16, 16), (2, 256), (19, 27), (3, 257)]
    found = [_mean((1, *kernel, channels), kernel) for kernel in kernels for channels in (1, 3, 4, 7)]
    found += [_mean((1, *kernel, 1), kernel) for kernel in ((1, 511), (1, 512), (1, 513), (3, 700))]
    # A left shift behind which sums of one code fit into int32, and twice of them do not.
    wide = MeanStep(Window((1, 1)), 0, 2, Requant((2**30,), (23,), Rounding.DOUBLE), -128, 127)
    found += [Example(wide, ((1, 3, 3, channels),), (0,)) for channels in (1, 4)]
    return [
        *found,
        _mean((1, 3, 5, 4), (2, 3)),
        _mean((1, 5, 3, 4), (2, 3)),
        _mean((1, 2, 700, 1), (2, 600)),
        *averages(),
        *odd(),
    ]


def odd() -> Iterator[Example]:
    """Both sides of what the shortcut and pairs of channels take."""
    for kernel in TAKES_ODD:
        for edge in odd_edges(kernel):
            yield from (edge.inside, edge.outside)


def odd_edges(kernel: str) -> list[Edge]:
    """Layers without and with channels that such a kernel computes in a way of their own."""
    return [*sums(kernel), *shifts(kernel), *(pairs(kernel) if kernel.endswith("paired") else ())]


def edges() -> list[Edge]:
    found = [*windows(), *transforms(), *structures(), *additions(), *planes(), *second_sums()]
    for kernel in WEIGHTED:
        found += contracts(kernel, *WEIGHTED[kernel])
        found += [] if kernel in TAKES_ODD else [*sums(kernel), *shifts(kernel)]
    return found

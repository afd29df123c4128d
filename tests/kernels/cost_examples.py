"""Random steps of the sizes that networks have, to measure cycles on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from random import Random

import numpy as np

from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.layout import permute
from mcuq.ir.types import DType, Shape
from mcuq.ops.arithmetic import AddStep, MulStep
from mcuq.ops.clipped_lstm import ClippedLstmStep
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.gru import GruStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.lstm import LstmStep
from mcuq.ops.matmul import MatMulStep
from mcuq.ops.normalize import NormalizeStep
from mcuq.ops.pool import AveragePoolStep, MaxPoolStep, MeanStep
from mcuq.ops.recurrent import GateSums
from mcuq.ops.rnn import RnnStep
from mcuq.ops.softmax import SoftmaxStep, smallest_difference
from mcuq.ops.transposed_conv import Stamp, TransposedConvStep
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window
from tests.ops.randoms import Example

ADD_SCALE = Requant((1 << 30,), (-1,), Rounding.DOUBLE)
MOST_MACS = 400_000


def weighted(rng: Random, shape: Shape) -> WeightedParams:
    """Small weights that every kernel takes; a third has limits within int8, half is as after ReLU."""
    m = shape[0]
    codes = np.random.default_rng(rng.randrange(2**32)).integers(-9, 10, shape).astype(np.int8)
    lo, hi = rng.choice([(-128, 127), (-128, 127), (-100, 90)])
    requant = Requant((1 << 30,) * m, (-6,) * m, Rounding.DOUBLE)
    return WeightedParams(codes, np.zeros(m, np.int32), requant, 3, rng.choice([0, -128]), lo, hi)


def _window(rng: Random, kernel: tuple[int, int]) -> Window:
    stride = rng.choice([1, 1, 2])
    pads = tuple((reach - 1) // 2 for reach in kernel) if rng.random() < 0.7 else (0, 0)
    return Window(kernel, (stride, stride), (*pads, *pads))


def conv(rng: Random) -> Example:
    kernel = rng.choice([(1, 1), (1, 1), (3, 3), (3, 3), (5, 5), (10, 4), (3, 1)])
    window = _window(rng, kernel)
    edge = rng.choice([1, 2, 4, 5, 6, 8, 12, 16, 24])
    size = (max(edge, kernel[0]), max(rng.choice([edge, edge + 1]), kernel[1]))
    shape = (1, *size, rng.choice([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128]))
    params = weighted(rng, (rng.choice([1, 2, 3, 4, 6, 8, 10, 12, 16, 32, 64]), *kernel, shape[3]))
    return Example(ConvStep(params, window, 1), (shape,), (3,))


def depthwise(rng: Random) -> Example:
    kernel = rng.choice([(3, 3), (3, 3), (3, 3), (5, 5), (4, 2), (1, 3)])
    window = _window(rng, kernel)
    size = [max(rng.choice([1, 2, 3, 5, 6, 8, 12, 17, 25, 32, 48]), reach) for reach in kernel]
    shape = (1, *size, rng.choice([4, 8, 12, 16, 32, 64]))
    return Example(DepthwiseStep(weighted(rng, (shape[3], *kernel, 1)), window), (shape,), (3,))


def _any_window(rng: Random, channels: int) -> tuple[Shape, Window]:
    kernel = rng.choice([(3, 3), (3, 3), (5, 5), (1, 3), (1, 7), (2, 2), (9, 9), (1, 1)])
    dilation = rng.choice([(1, 1), (1, 1), (2, 2), (1, 2)])
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    stride = rng.choice([1, 1, 2, 3])
    pads = tuple((r - 1) // 2 for r in reach)
    size = [max(rng.choice([1, 4, 6, 8, 12, 17, 24]), r) for r in reach]
    return (1, *size, channels), Window(kernel, (stride, stride), (*pads, *pads), dilation)


def grouped(rng: Random) -> Example:
    groups, depth, filters = rng.choice([2, 3, 4, 8]), rng.choice([1, 2, 3, 4, 8]), rng.choice([1, 2, 4, 8])
    shape, window = _any_window(rng, groups * depth)
    params = weighted(rng, (groups * filters, *window.kernel, depth))
    return Example(ConvStep(params, window, groups), (shape,), (3,))


def any_depthwise(rng: Random) -> Example:
    shape, window = _any_window(rng, rng.choice([2, 3, 5, 6, 8, 13, 16, 24]))
    params = weighted(rng, (shape[3] * rng.choice([1, 1, 2]), *window.kernel, 1))
    return Example(DepthwiseStep(params, window), (shape,), (3,))


def transposed(rng: Random) -> Example:
    kernel, strides = rng.choice([((2, 2), (2, 2)), ((3, 3), (2, 2)), ((4, 4), (2, 2)), ((1, 4), (1, 2))])
    depth, edge = rng.choice([1, 3, 4, 8, 16, 32]), rng.choice([3, 4, 6, 8, 12])
    params = weighted(rng, (rng.choice([1, 3, 4, 8]), *kernel, depth))
    return Example(TransposedConvStep(params, Stamp(kernel, strides), 1), ((1, edge, edge + 1, depth),), (3,))


def linear(rng: Random) -> Example:
    shape = (rng.choice([1, 1, 1, 4]), rng.choice([1, 3, 8, 10, 16, 30, 64, 100, 128, 256, 640]))
    params = weighted(rng, (rng.choice([1, 2, 3, 4, 7, 8, 10, 12, 16, 32, 64, 128]), shape[1]))
    return Example(LinearStep(params), (shape,), (3,))


def add(rng: Random) -> Example:
    shape = (1, *(rng.choice([1, 4, 8, 16, 24]) for _ in range(2)), rng.choice([4, 8, 16, 32]))
    step = AddStep(
        1, 2, 3, ADD_SCALE, ADD_SCALE, Requant((1 << 30,), (-18,), Rounding.DOUBLE), False, -128, 127
    )
    return Example(step, (shape, shape), (1, 2))


def mul(rng: Random) -> Example:
    shape = (1, *(rng.choice([1, 4, 8, 16]) for _ in range(2)), rng.choice([4, 8, 16, 32]))
    return Example(
        MulStep(1, 2, 3, Requant((1 << 30,), (-6,), Rounding.DOUBLE), -128, 127), (shape, shape), (1, 2)
    )


def _repeated(rng: Random) -> tuple[Shape, Shape]:
    """A shape, and one that is repeated along some of its axes."""
    shape = (1, *(rng.choice([1, 4, 8, 16]) for _ in range(2)), rng.choice([1, 3, 8, 16, 32]))
    other = tuple(n if rng.random() < 0.5 else 1 for n in shape)
    return shape, other


def broadcast_add(rng: Random) -> Example:
    limits = rng.choice([(-128, 127), (-128, 127), (3, 127)])
    step = AddStep(
        1, 2, 3, ADD_SCALE, ADD_SCALE, Requant((1 << 30,), (-18,), Rounding.DOUBLE), False, *limits
    )
    return Example(step, _repeated(rng), (1, 2))


def broadcast_mul(rng: Random) -> Example:
    step = MulStep(1, 2, 3, Requant((1 << 30,), (-6,), Rounding.DOUBLE), -128, 127)
    return Example(step, _repeated(rng), (1, 2))


def mean(rng: Random) -> Example:
    size = (rng.choice([1, 2, 4, 5, 8, 12]), rng.choice([1, 2, 4, 5, 8, 12]))
    shape = (1, *size, rng.choice([1, 2, 4, 6, 8, 10, 32, 64, 128]))
    whole = rng.choice([size, size, (1, size[1]), (size[0], 1), (1, 1), (min(size[0], 2), min(size[1], 2))])
    step = MeanStep(Window(whole, whole), 3, 0, Requant((1 << 30,), (-4,), Rounding.DOUBLE), -128, 127)
    return Example(step, (shape,), (3,))


def _pooled(rng: Random) -> tuple[Shape, Window]:
    kernel = rng.choice([(2, 2), (2, 2), (3, 3), (1, 2), (1, 4), (5, 5)])
    strides = rng.choice([kernel, kernel, (1, 1), (2, 2)])
    pads = (
        (0, 0, 0, 0) if rng.random() < 0.6 else (*((k - 1) // 2 for k in kernel), *(k // 2 for k in kernel))
    )
    size = [max(rng.choice([2, 4, 6, 8, 12, 16]), reach) for reach in kernel]
    shape = (1, *size, rng.choice([1, 2, 3, 4, 6, 8, 16, 16, 24, 32, 64]))
    return shape, Window(kernel, strides, pads)


def max_pool(rng: Random) -> Example:
    shape, window = _pooled(rng)
    return Example(MaxPoolStep(window, -128, 127), (shape,), (0,))


def average_pool(rng: Random) -> Example:
    shape, window = _pooled(rng)
    return Example(AveragePoolStep(window, rng.choice([False, True]), 3, -128, 127), (shape,), (3,))


def _sums(rng: Random, rows: int, count: int, zero_point: int) -> GateSums:
    codes = np.random.default_rng(rng.randrange(2**32)).integers(-9, 10, (rows, count)).astype(np.int8)
    requant = Requant((1 << 30,) * rows, (0,) * rows, Rounding.DOUBLE)
    return GateSums(codes, np.zeros(rows, np.int32), requant, zero_point)


def _sequence(rng: Random) -> tuple[int, int, int]:
    """Elements, inputs, units."""
    return rng.choice([1, 2, 4, 8]), rng.choice([1, 3, 8, 13, 16, 40]), rng.choice([4, 6, 8, 16, 20, 32, 64])


def _scale(shift: int) -> Requant:
    return Requant((1 << 30,), (shift,), Rounding.DOUBLE)


def lstm(rng: Random) -> Example:
    steps, inputs, units = _sequence(rng)
    gates = _sums(rng, 4 * units, inputs, 3), _sums(rng, 4 * units, units, -5)
    peephole = _sums(rng, 3 * units, 1, 0) if rng.random() < 0.2 else None
    step = LstmStep(False, *gates, peephole, 32767, 12, -5, _scale(-22), None, None)
    return Example(step, ((steps, inputs),), (3,))


def clipped_lstm(rng: Random) -> Example:
    steps, inputs, units = _sequence(rng)
    gates = _sums(rng, 4 * units, inputs, 3), _sums(rng, 4 * units, units, -5)
    step = ClippedLstmStep(*gates, 12, 1 << 15, -5, _scale(-22))
    shapes, types = ((steps, inputs), (1, units), (1, units)), (DType.INT8, DType.INT8, DType.INT16)
    return Example(step, shapes, (3, -5, 0), types)


def gru(rng: Random) -> Example:
    steps, inputs, units = _sequence(rng)
    gates = _sums(rng, 3 * units, inputs, 3), _sums(rng, 2 * units, units, -5)
    is_behind = rng.random() < 0.5
    candidate = _sums(rng, units, units, -5 if is_behind else 0)
    step = GruStep(False, is_behind, *gates, candidate, 12, 32767, -5, _scale(0), None)
    return Example(step, ((steps, inputs),), (3,))


def rnn(rng: Random) -> Example:
    steps, inputs, units = _sequence(rng)
    step = RnnStep(
        False, _sums(rng, units, inputs, 3), _sums(rng, units, units, -5), 32767, -5, _scale(-7), None
    )
    return Example(step, ((steps, inputs),), (3,))


def matmul(rng: Random) -> Example:
    """Both orders of either factor, as attention has them."""
    heads, rows, columns = rng.choice([1, 2, 4]), rng.choice([1, 5, 8, 16, 25]), rng.choice([1, 3, 8, 16, 25])
    depth = rng.choice([3, 8, 16, 20, 32, 64])
    a_perm, b_perm = (rng.choice([(0, 1, 2), (0, 2, 1)]) for _ in range(2))
    a, b = permute((heads, rows, depth), a_perm), permute((heads, depth, columns), b_perm)
    limits = rng.choice([(-128, 127), (-128, 127), (-100, 90)])
    step = MatMulStep(a_perm, b_perm, depth, 3, -5, 0, _scale(-9), *limits)
    return Example(step, (a, b), (3, -5))


def normalize(rng: Random) -> Example:
    """Over channels, over positions, over both."""
    positions, channels = rng.choice([1, 4, 16, 49, 100]), rng.choice([4, 7, 16, 32, 64, 100])
    lead, groups = rng.choice([(2, 1), (2, 1), (1, 1), (1, channels)])
    count = channels // groups * (positions if lead == 1 else 1)
    gain = np.full(channels, rng.choice([900, 20000]), np.int16)
    limits = rng.choice([(-128, 127), (-128, 127), (-100, 90)])
    scale = _scale(rng.choice([-12, -12, -12, 0]))
    step = NormalizeStep(
        lead, groups, count, True, 0, 1 << 20, gain, np.zeros(channels, np.int32), scale, 0, *limits
    )
    return Example(step, ((1, positions, channels),), (0,))


def _odd(rng: Random, example: Example) -> Example:
    """The same layer with one channel, now and then several, that the shortcut does not requantize."""
    params = example.op.params
    shift = list(params.requant.shift)
    for _ in range(rng.choice([1, 1, 3])):
        shift[rng.randrange(len(shift))] = rng.choice([0, 1])
    requant = Requant(params.requant.multiplier, tuple(shift), Rounding.DOUBLE)
    params = dataclasses.replace(params, requant=requant)
    return dataclasses.replace(example, op=dataclasses.replace(example.op, params=params))


def odd_conv(rng: Random) -> Example:
    return _odd(rng, conv(rng))


def odd_linear(rng: Random) -> Example:
    return _odd(rng, linear(rng))


def odd_depthwise(rng: Random) -> Example:
    return _odd(rng, depthwise(rng))


def _of_four_bits(example: Example) -> Example:
    """The same layer with weights of four bits."""
    params = example.op.params
    params = dataclasses.replace(params, weights=params.weights // 2, weight_type=DType.INT4)
    return dataclasses.replace(example, op=dataclasses.replace(example.op, params=params))


def narrow_conv(rng: Random) -> Example:
    return _of_four_bits(conv(rng))


def narrow_linear(rng: Random) -> Example:
    return _of_four_bits(linear(rng))


def odd_narrow_conv(rng: Random) -> Example:
    return _odd(rng, narrow_conv(rng))


def odd_narrow_linear(rng: Random) -> Example:
    return _odd(rng, narrow_linear(rng))


def softmax(rng: Random) -> Example:
    """Few and many rows, short and long ones."""
    step = SoftmaxStep(1 << 30, 23, smallest_difference(23))
    return Example(
        step, ((1, rng.choice([1, 3, 20, 64]), rng.choice([1, 2, 3, 5, 6, 10, 13, 24, 50, 100])),), (0,)
    )


MAKERS: tuple[Callable[[Random], Example], ...] = (
    conv,
    conv,
    conv,
    depthwise,
    depthwise,
    linear,
    add,
    mul,
    mean,
    max_pool,
    average_pool,
    lstm,
    gru,
    rnn,
    matmul,
    normalize,
    clipped_lstm,
    grouped,
    any_depthwise,
    transposed,
    broadcast_add,
    broadcast_mul,
    odd_conv,
    odd_linear,
    odd_depthwise,
    softmax,
    narrow_conv,
    narrow_conv,
    narrow_linear,
    odd_narrow_conv,
    odd_narrow_linear,
)


def random_examples(
    rounds: int, seed: int, makers: Sequence[Callable[[Random], Example]] = MAKERS
) -> list[Example]:
    """Examples of bounded size, `rounds` of each maker in turn.

    Each draws by itself: one maker more changes no other's examples.
    """
    streams = [Random(f"{seed} {index} {maker.__name__}") for index, maker in enumerate(makers)]
    return [_bounded(maker, rng) for _ in range(rounds) for maker, rng in zip(makers, streams, strict=True)]


def _bounded(maker: Callable[[Random], Example], rng: Random) -> Example:
    while True:
        example = maker(rng)
        if example.op.macs(example.op.infer(*example.shapes)) <= MOST_MACS:
            return example

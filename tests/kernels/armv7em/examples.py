"""Examples of the shapes that kernels for DSP cores treat in their own ways: tiles, tails, blocks."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from random import Random

import numpy as np

from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.types import Shape, freeze
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window
from tests.kernels.armv7em import plain_layers, wide_layers
from tests.kernels.armv7em.four_bits import narrowed
from tests.ops import randoms
from tests.ops.examples import GENERATORS
from tests.ops.randoms import Example

Maker = Callable[[Random], Example]


def depthwise_3x3(rng: Random) -> Example:
    """Images of several tiles, borders of every width, outputs that end in odd rows and columns."""
    stride = rng.choice([1, 2])
    size = rng.choice([(rng.randint(1, 12), rng.randint(1, 12)), (rng.randint(1, 6), rng.randint(14, 40))])
    least = [max(0, 3 - edge) for edge in size]
    top, left = (rng.randint(0, 2) for _ in range(2))
    bottom, right = (
        max(need - begin, rng.randint(0, 2)) for need, begin in zip(least, (top, left), strict=True)
    )
    window = Window((3, 3), (stride, stride), (top, left, bottom, right))
    shape = (rng.choice([1, 1, 2]), *size, rng.choice([4, 4, 8, 12]))
    params = randoms.weighted(rng, (shape[3], 3, 3, 1), Rounding.DOUBLE)
    return Example(DepthwiseStep(params, window), (shape,), (params.x_zero_point,))


def depthwise(rng: Random) -> Example:
    """Windows up to the most taps, also dilated."""
    kernel = rng.choice([(5, 5), (7, 7), (1, 1), (rng.randint(1, 7), rng.randint(1, 7))])
    dilation = rng.choice([(1, 1), (1, 1), (2, 1), (1, 2)])
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    size = [rng.randint(max(1, length - 3), length + 3) for length in reach]
    strides = (rng.randint(1, 2), rng.randint(1, 2))
    window = Window(kernel, strides, (1, rng.randint(0, 2), 2, 3), dilation)
    shape = (rng.choice([1, 1, 2]), *size, rng.choice([4, 8, 12, rng.randint(5, 15)]))
    params = randoms.weighted(rng, (shape[3], *kernel, 1), Rounding.DOUBLE)
    return Example(DepthwiseStep(params, window), (shape,), (params.x_zero_point,))


def conv(rng: Random) -> Example:
    """Short and long rows of windows, wide borders, channels and pixels that are left over."""
    kernel = rng.choice([(1, 1), (3, 3), (3, 3), (rng.randint(1, 10), rng.randint(1, 5))])
    strides = (rng.choice([1, 1, 2]), rng.choice([1, 1, 2]))
    size = [rng.randint(max(1, reach - 2), reach + 6) for reach in kernel]
    pads = [min(reach - 1, rng.choice([0, 1, 2])) for reach in kernel]
    window = Window(kernel, strides, (*pads, *(max(pad, 2) for pad in pads)))
    shape = (rng.choice([1, 1, 2]), *size, rng.choice([1, 2, 3, 4, 5, 8, 12, 16]))
    params = randoms.weighted(rng, (rng.randint(1, 18), *kernel, shape[3]), Rounding.DOUBLE)
    return Example(ConvStep(params, window, 1), (shape,), (params.x_zero_point,))


def tiles(rng: Random) -> Example:
    """Images of few 3x3 windows with borders of every width, every rest of tiles and channels."""
    size = rng.choice([(rng.randint(1, 9), rng.randint(1, 9)), (rng.randint(1, 3), rng.randint(1, 3))])
    pads = [rng.choice([0, 1, 1, 2, 3]) for _ in range(2)]
    pads += [max(3 - edge - pad, rng.choice([0, 1, 1, 2, 3])) for edge, pad in zip(size, pads, strict=True)]
    depth = rng.choice([rng.randint(1, 9), rng.randint(1, 40), 32, 36, 60, 64, 68, 93, 124])
    shape = (rng.choice([1, 1, 2]), *size, depth)
    params = _small(rng, (rng.randint(1, 9), 3, 3, depth))
    return Example(ConvStep(params, Window((3, 3), (1, 1), tuple(pads)), 1), (shape,), (params.x_zero_point,))


def deep_pixels(rng: Random) -> Example:
    """Few pixels of many channels, with sums on both sides of the bound of paired weights."""
    shape = (1, rng.randint(1, 3), rng.randint(1, 3), rng.choice([17, 31, 32, 64, 100, 255, 260, 300]))
    params = randoms.weighted(rng, (rng.choice([4, 7, 8]), 1, 1, shape[3]), Rounding.DOUBLE)
    return Example(ConvStep(params, Window((1, 1)), 1), (shape,), (params.x_zero_point,))


def deep_tail(rng: Random) -> Example:
    """The largest weights, many of them, and pixels left over of four."""
    shape = (1, 1, rng.choice([1, 2, 3]), rng.randint(480, 520))
    params = randoms.weighted(rng, (rng.choice([2, 3]), 1, 1, shape[3]), Rounding.DOUBLE)
    params = dataclasses.replace(
        params, weights=freeze(np.full_like(params.weights, rng.choice([-127, 127])))
    )
    return Example(ConvStep(params, Window((1, 1)), 1), (shape,), (params.x_zero_point,))


def linear(rng: Random) -> Example:
    """Rows of every length around the unrolled loop's, channels that are left over of eights and fours."""
    shape = (rng.choice([1, 1, 3]), rng.choice([rng.randint(1, 70), 64, 128, 260, 300]))
    params = randoms.weighted(rng, (rng.randint(1, 25), shape[1]), Rounding.DOUBLE)
    return Example(LinearStep(params), (shape,), (params.x_zero_point,))


def _after_relu(example: Example, rng: Random) -> Example:
    """The same layer with codes from the zero point on, most channels with scales of trained layers.

    Some channels keep what they have, or are constant; ties are common.
    """
    params = example.op.params
    weights, bias = params.weights.copy(), params.bias.copy()
    most = int(80 * math.sqrt(weights[0].size) * 64)
    multipliers, shifts = map(list, (params.requant.multiplier, params.requant.shift))
    for channel, row in enumerate(weights):
        if rng.random() < 0.15:
            row[...] = 0
        elif rng.random() < 0.85:
            row[...] = row // 2  # -128 is no weight of pairs
            typical = 80 * math.sqrt((row.astype(np.int64) ** 2).sum())
            multipliers[channel] = randoms.multiplier(rng)
            shifts[channel] = -max(1, int(typical).bit_length() - 7 + rng.choice([-1, 0, 0, 1]))
            bias[channel] = rng.randint(-most, most)
    y_zero_point, lo = rng.choice([(-128, -128), (-128, -128), (-128, -20), (0, 0)])
    params = dataclasses.replace(
        params,
        weights=freeze(weights),
        bias=freeze(bias),
        requant=Requant(tuple(multipliers), tuple(shifts), params.requant.rounding),
        y_zero_point=y_zero_point,
        lo=lo,
        hi=rng.choice([127, 127, 100]),
    )
    return dataclasses.replace(example, op=dataclasses.replace(example.op, params=params))


def relu_conv(rng: Random) -> Example:
    return _after_relu(conv(rng), rng)


def relu_linear(rng: Random) -> Example:
    return _after_relu(linear(rng), rng)


def relu_depthwise_3x3(rng: Random) -> Example:
    return _after_relu(depthwise_3x3(rng), rng)


def relu_depthwise(rng: Random) -> Example:
    return _after_relu(depthwise(rng), rng)


def _with_least_weights(example: Example, rng: Random) -> Example:
    """The same layer with weights of -128 in some channels."""
    weights = example.op.params.weights.copy()
    for row in weights:
        if rng.random() < 0.3:
            row.reshape(-1)[[rng.randrange(row.size) for _ in range(rng.choice([1, 1, 3]))]] = -128
    params = dataclasses.replace(example.op.params, weights=freeze(weights))
    return dataclasses.replace(example, op=dataclasses.replace(example.op, params=params))


def least_conv(rng: Random) -> Example:
    return _with_least_weights(relu_conv(rng), rng)


def least_linear(rng: Random) -> Example:
    return _with_least_weights(relu_linear(rng), rng)


def _far_window(rng: Random, kernel: tuple[int, int], strides: tuple[int, int], size: list[int]) -> Window:
    """Borders wider than the window on any side: many windows miss the image, some by far."""
    reach = [k + rng.choice([0, 1, 3]) for k in kernel]
    pads = [rng.choice([0, 1, reach[i % 2], reach[i % 2], rng.randint(0, 40)]) for i in range(4)]
    for axis in range(2):
        # No more outputs than one looks at; at least one.
        most = max(12 * strides[axis] + kernel[axis] - size[axis], 0)
        before, behind = pads[axis], pads[axis + 2]
        if before + behind > most:
            before, behind = before * most // (before + behind), behind * most // (before + behind)
        pads[axis], pads[axis + 2] = before, max(behind, kernel[axis] - size[axis] - before)
    return Window(kernel, strides, (pads[0], pads[1], pads[2], pads[3]))


def far_conv(rng: Random) -> Example:
    """Strides up to 9 over small images with borders up to 40, any number of channels."""
    kernel = rng.choice([(1, 1), (3, 3), (rng.randint(1, 5), rng.randint(1, 5))])
    strides = (rng.randint(1, 9), rng.randint(1, 9))
    size = [rng.randint(1, 9), rng.randint(1, 9)]
    window = _far_window(rng, kernel, strides, size)
    shape = (rng.choice([1, 2]), *size, rng.choice([1, 3, 4, 7, 8, 9, 13, 16, 24, 27]))
    params = randoms.weighted(rng, (rng.choice([1, 2, 3, 4, 5, 7, 9]), *kernel, shape[3]), Rounding.DOUBLE)
    return Example(ConvStep(params, window, 1), (shape,), (params.x_zero_point,))


def thin_conv(rng: Random) -> Example:
    """Rows of windows that are multiples of 4 though pixels are not; limits on one side."""
    kernel = (rng.randint(1, 3), rng.choice([4, 4, 8]))
    size = [rng.randint(1, 5), rng.randint(4, 11)]
    pads = (rng.randint(0, 1), rng.randint(0, 3), kernel[0] - 1, rng.randint(4, 5))
    shape = (1, *size, rng.choice([1, 2, 3, 5]))
    params = randoms.weighted(rng, (rng.choice([4, 4, 8, 6]), *kernel, shape[3]), Rounding.DOUBLE)
    lo, hi = rng.choice([(-128, 127), (-128, rng.randint(-60, 90)), (rng.randint(-90, 60), 127)])
    params = dataclasses.replace(params, lo=lo, hi=hi)
    window = Window(kernel, (1, rng.choice([1, 2])), pads)
    return Example(ConvStep(params, window, 1), (shape,), (params.x_zero_point,))


def far_depthwise(rng: Random) -> Example:
    """The same for one filter per channel; windows of 3x3 at equal strides more often than others."""
    is_square = rng.random() < 0.6
    kernel = (3, 3) if is_square else (rng.randint(1, 7), rng.randint(1, 7))
    stride = rng.choice([1, 2])
    strides = (stride, stride) if is_square else (rng.randint(1, 9), rng.randint(1, 9))
    size = [rng.randint(1, 9), rng.randint(1, 40 if is_square else 9)]
    window = _far_window(rng, kernel, strides, size)
    shape = (rng.choice([1, 2]), *size, rng.choice([4, 8, 12, 28]))
    params = randoms.weighted(rng, (shape[3], *kernel, 1), Rounding.DOUBLE)
    return Example(DepthwiseStep(params, window), (shape,), (params.x_zero_point,))


def wide_depthwise_3x3(rng: Random) -> Example:
    """Tiles that miss the image on one side or both, limits of every kind, rows in bands."""
    stride = rng.choice([1, 2])
    height, width = rng.choice([(25, 5), (rng.randint(1, 4), rng.randint(1, 9)), (2, 33)])
    sides = [rng.choice([0, 0, 0, 1, 2, rng.randint(3, 40) if height < 9 else 1]) for _ in range(2)]
    top, bottom = (rng.choice([0, 0, 1, 2]) for _ in range(2))
    window = Window(
        (3, 3),
        (stride, stride),
        (top, sides[0], max(bottom, 3 - height - top), max(sides[1], 3 - width - sides[0])),
    )
    shape = (1, height, width, 32 if height == 25 else rng.choice([4, 8]))
    params = randoms.weighted(rng, (shape[3], 3, 3, 1), Rounding.DOUBLE)
    lo, hi = rng.choice([(-128, 127), (-128, rng.randint(-60, 90)), (rng.randint(-90, 60), 127)])
    params = dataclasses.replace(params, lo=lo, hi=hi)
    return Example(DepthwiseStep(params, window), (shape,), (params.x_zero_point,))


def _small(rng: Random, shape: tuple[int, ...]) -> WeightedParams:
    """Weights so small that sums of so many products stay within the bound of pairs, more often than not."""
    taps = math.prod(shape[1:])
    made = randoms.weighted(rng, shape, Rounding.DOUBLE)
    largest = max(1, min(127, rng.choice([2**22, 2**23, 2**23, 2**25]) // (90 * taps)))
    weights = np.random.default_rng(rng.getrandbits(64)).integers(-largest, largest + 1, shape, np.int8)
    right = max(1, min(23, (largest * 60 * math.isqrt(taps)).bit_length() - 7 + rng.randint(-1, 1)))
    bias = np.array([rng.randint(-(2**16), 2**16) for _ in range(shape[0])], np.int32)
    scales = Requant((randoms.multiplier(rng),) * shape[0], (-right,) * shape[0], Rounding.DOUBLE)
    return dataclasses.replace(made, weights=weights, bias=bias, requant=scales)


def long_conv(rng: Random) -> Example:
    """Windows of up to 5,000 products."""
    kernel, channels = rng.choice(
        [((1, 1), 5000), ((3, 3), 555), ((5, 5), 199), ((2, 3), rng.randint(90, 800))]
    )
    size = [k + rng.randint(0, 1) for k in kernel]
    params = _small(rng, (rng.choice([2, 3, 5]), *kernel, channels))
    shape = (1, *size, channels)
    pads = (rng.randint(0, 1), rng.randint(0, 1), 0, 1)
    return Example(ConvStep(params, Window(kernel, (1, 1), pads), 1), (shape,), (params.x_zero_point,))


def long_linear(rng: Random) -> Example:
    """Rows of up to 5,000 products."""
    shape = (1, rng.choice([5000, 4999, rng.randint(500, 5000), rng.randint(500, 2000)]))
    params = _small(rng, (rng.choice([4, 9, 15]), shape[1]))
    return Example(LinearStep(params), (shape,), (params.x_zero_point,))


def add(rng: Random) -> Example:
    """Large tensors, some with limits of their own."""
    while True:
        example = GENERATORS["add"](rng, Rounding.DOUBLE)
        if len({*example.shapes}) == 1 and math.prod(example.shapes[0]) >= 512:
            return example


def _tail(rng: Random) -> int:
    """1 to 5 more than a multiple of what kernels do at once."""
    return rng.choice([0, 0, 4, 8]) + rng.randint(1, 5)


def _gaps(rng: Random, channels: int) -> tuple[Shape, Window]:
    """Windows of any size, stride and dilation, some larger than the image; outputs of every length."""
    kernel = rng.choice([(1, rng.randint(1, 9)), (3, 3), (rng.randint(1, 5), rng.choice([1, 2, 4, 4, 5, 7]))])
    strides = (rng.choice([1, 1, 2, 3]), rng.choice([1, 1, 2, 3, 4]))
    dilations = (rng.choice([1, 1, 2, 3]), rng.choice([1, 1, 2, 3, 4]))
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
    outputs = rng.choice([1, _tail(rng)]), _tail(rng)
    needed = [(n - 1) * s + r for n, s, r in zip(outputs, strides, reach, strict=True)]
    before = [rng.choice([0, 0, r // 2, r - 1]) for r in reach]
    behind = [rng.choice([0, 0, (r - 1) // 2, r - 1]) for r in reach]
    size = [max(1, n - a - b) for n, a, b in zip(needed, before, behind, strict=True)]
    behind = [max(b, r - n - a) for b, r, n, a in zip(behind, reach, size, before, strict=True)]
    # Columns as often as rows: an image of one column is computed along it.
    turn = rng.choice([1, 1, -1])
    pads = (*before[::turn], *behind[::turn])
    window = Window(kernel[::turn], strides[::turn], pads, dilations[::turn])
    return (rng.choice([1, 1, 2]), *size[::turn], channels), window


def grouped_conv(rng: Random) -> Example:
    """Groups of few and many channels, of few and many filters."""
    groups, depth, filters = rng.randint(1, 5), rng.choice([1, 2, 3, 4, 5, 7]), rng.randint(1, 5)
    shape, window = _gaps(rng, groups * depth)
    params = randoms.weighted(rng, (groups * filters, *window.kernel, depth), Rounding.DOUBLE)
    return Example(ConvStep(params, window, groups), (shape,), (params.x_zero_point,))


def any_depthwise(rng: Random) -> Example:
    """Any number of channels, and several filters for each."""
    shape, window = _gaps(rng, _tail(rng))
    params = randoms.weighted(rng, (shape[3] * rng.choice([1, 1, 2, 3]), *window.kernel, 1), Rounding.DOUBLE)
    return Example(DepthwiseStep(params, window), (shape,), (params.x_zero_point,))


def outer_add(rng: Random) -> Example:
    """A row to each code of a column: neither operand steps through the output."""
    example = GENERATORS["add"](rng, Rounding.DOUBLE)
    rows, columns = (rng.choice([2, 3]), rng.randint(2, 4), 1), (1, 1, rng.randint(2, 9))
    return dataclasses.replace(example, shapes=rng.choice([(rows, columns), (columns, rows)]))


def any_add(rng: Random) -> Example:
    """Rows that are shorter and longer than what is added at once, repeated operands of every kind."""
    example = GENERATORS["add"](rng, Rounding.DOUBLE)
    return dataclasses.replace(example, shapes=_repeated(rng))


def any_mul(rng: Random) -> Example:
    """The same for products."""
    example = GENERATORS["mul"](rng, Rounding.DOUBLE)
    return dataclasses.replace(example, shapes=_repeated(rng))


def _repeated(rng: Random) -> tuple[Shape, Shape]:
    """A shape and one that is repeated along any axes, in any order."""
    shape = (
        rng.choice([1, 2]),
        _tail(rng),
        rng.choice([1, rng.randint(1, 5)]),
        rng.choice([_tail(rng), 37, 64, 70]),
    )
    keep = rng.choice([(1, 1, 1, 1), tuple(rng.randint(0, 1) for _ in shape)])
    other = tuple(n if kept else 1 for n, kept in zip(shape, keep, strict=True))
    return (shape, other) if rng.random() < 0.5 else (other, shape)


def transposed(rng: Random) -> Example:
    """Strides and kernels of any size: places between inputs with many taps, with few and with none."""
    return GENERATORS["transposed_conv2d"](rng, Rounding.DOUBLE)


MAKERS: dict[str, tuple[Maker, ...]] = {
    "mcuq_depthwise_conv2d_s8_3x3": (depthwise_3x3, far_depthwise, wide_depthwise_3x3, relu_depthwise_3x3),
    "mcuq_depthwise_conv2d_s8_dsp": (depthwise, far_depthwise, relu_depthwise),
    "mcuq_depthwise_conv2d_s8_lines": (any_depthwise, far_depthwise),
    "mcuq_transposed_conv2d_s8_lines": (transposed,),
    "mcuq_conv2d_s8_lines": (grouped_conv, far_conv),
    "mcuq_conv2d_s8_gemm": (conv, thin_conv, deep_pixels, far_conv, long_conv),
    "mcuq_conv2d_s8_winograd_2x2": (tiles, conv, far_conv),
    "mcuq_conv2d_s8_winograd_4x4": (tiles, conv, far_conv),
    "mcuq_conv2d_s8_paired": (conv, thin_conv, deep_pixels, far_conv, long_conv, relu_conv, least_conv),
    "mcuq_conv2d_s8_w4_dsp": tuple(
        map(narrowed, (conv, thin_conv, deep_pixels, far_conv, long_conv, relu_conv))
    ),
    "mcuq_linear_s8_w4_dsp": tuple(map(narrowed, (linear, long_linear, relu_linear))),
    "mcuq_linear_s8_dsp": (linear, long_linear),
    "mcuq_linear_s8_paired": (linear, long_linear, relu_linear, least_linear),
    "mcuq_add_s8_table": (add,),
    "mcuq_add_s8_dsp": (any_add,),
    "mcuq_add_s8_plane_dsp": (any_add, outer_add),
    "mcuq_softmax_s8_dsp": (plain_layers.softmax_layer,),
    "mcuq_mul_s8_dsp": (any_mul,),
    "mcuq_mean_s8_dsp": (plain_layers.mean,),
    "mcuq_max_pool_s8_dsp": (plain_layers.max_pool,),
    "mcuq_average_pool_s8_dsp": (plain_layers.average_pool,),
    "mcuq_matmul_s8_dsp": (plain_layers.matmul_layer,),
    "mcuq_normalize_s8_dsp": (plain_layers.normalize_layer, plain_layers.single_normalize_layer),
    "mcuq_lstm_s8_dsp": (plain_layers.lstm_layer,),
    "mcuq_gru_s8_dsp": (plain_layers.gru_layer,),
    "mcuq_rnn_s8_dsp": (plain_layers.rnn_layer,),
    **wide_layers.MAKERS,
}

# Cheap ones with many ways through a kernel: more of each maker are drawn.
MANY = {
    "mcuq_transposed_conv2d_s8_lines",
    "mcuq_conv2d_s8_lines",
    "mcuq_depthwise_conv2d_s8_lines",
    "mcuq_depthwise_conv2d_s8_3x3",
    "mcuq_linear_s8_paired",
    "mcuq_linear_s8_w4_dsp",
    "mcuq_add_s8_table",
    "mcuq_add_s8_dsp",
    "mcuq_add_s8_plane_dsp",
    "mcuq_softmax_s8_dsp",
    "mcuq_mean_s8_dsp",
    "mcuq_mul_s8_dsp",
    "mcuq_max_pool_s8_dsp",
    "mcuq_matmul_s8_dsp",
    "mcuq_normalize_s8_dsp",
}

"""Pools, products and recurrent layers of the shapes that kernels for DSP cores treat in their own ways."""

from __future__ import annotations

from random import Random

from mcuq.ir.integer import Rounding, quantize_multiplier
from mcuq.ops.pool import AveragePoolStep, MaxPoolStep, MeanStep
from mcuq.ops.softmax import SoftmaxStep, smallest_difference
from mcuq.ops.window import Window
from tests.ops import gru, lstm, matmul, normalize, randoms, rnn, softmax
from tests.ops.randoms import Example

CHANNELS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 21)


def max_pool(rng: Random) -> Example:
    """Every number of channels left over of eights and fours, windows that leave or miss the image."""
    shape = (rng.choice([1, 2]), rng.randint(1, 7), rng.randint(1, 7), rng.choice(CHANNELS))
    return Example(MaxPoolStep(randoms.window(rng, *shape[1:3]), -128, 127), (shape,), (0,))


def average_pool(rng: Random) -> Example:
    """The same, and windows of as many taps as a sum of 16 bits takes, fewer and more."""
    shape = (rng.choice([1, 2]), rng.randint(1, 7), rng.randint(1, 7), rng.choice(CHANNELS))
    window = randoms.window(rng, *shape[1:3], dilations=False)
    if rng.random() < 0.3:
        kernel = rng.choice([(1, 255), (1, 256), (1, 257), (16, 16), (17, 15), (2, 257), (16, 17)])
        pads = rng.choice([(0, 0, 0, 0), (0, 3, 0, 2)])
        shape, window = (1, kernel[0] + 1, kernel[1], rng.choice([3, 4, 5, 8])), Window(kernel, (1, 2), pads)
    zero_point = randoms.zero_point(rng)
    step = AveragePoolStep(window, rng.choice([False, True]), zero_point, -128, 127)
    return Example(step, (shape,), (zero_point,))


def softmax_layer(rng: Random) -> Example:
    """Rows of every rest of fours and pairs, and long ones of near-equal elements."""
    _, parameters = softmax.softmax_scale(rng)
    shape = rng.choice([(rng.randint(1, 4), rng.randint(1, 12))] * 4 + [(2, rng.randint(13, 80)), (2, 600)])
    if shape[1] == 600:
        multiplier, shift = quantize_multiplier(2.0 ** rng.uniform(8, 20))
        parameters = (multiplier, shift, smallest_difference(shift))
    return Example(SoftmaxStep(*parameters), (shape,), (0,))


def _sizes(rng: Random) -> tuple[int, int, int]:
    """Rows of halves with and without a rest of eights, units with and without a rest of fours."""
    return rng.choice([1, 2, 4]), rng.randint(1, 26), rng.randint(1, 18)


def matmul_layer(rng: Random) -> Example:
    """Rests of every dimension, several panels of columns."""
    size = rng.randint(1, 9), rng.choice([rng.randint(1, 40), rng.randint(1, 12)]), rng.randint(1, 30)
    return matmul.matmul_example(rng, Rounding.DOUBLE, size)


def normalize_layer(rng: Random) -> Example:
    """Rests of fours, runs along both sides of a group, groups of many values."""
    positions = (rng.choice([1, 2, 7]), rng.choice([1, 3, 12, 40]))
    size = positions, rng.choice([1, 2, 3]), rng.choice([1, 1, 2, 3, 4, 5, 6, 7, 8, 13, 33])
    return normalize.normalize_example(rng, Rounding.DOUBLE, size)


def single_normalize_layer(rng: Random) -> Example:
    """Groups of one channel by the root of their mean square, of codes with a zero point."""
    while True:
        size = (rng.choice([1, 2]), rng.choice([5, 12, 40])), rng.choice([1, 3, 6]), 1
        example = normalize.normalize_example(rng, Rounding.DOUBLE, size)
        if not example.op.is_centred and example.op.offset != 0:
            return example


def lstm_layer(rng: Random) -> Example:
    return lstm.lstm_example(rng, Rounding.DOUBLE, _sizes(rng))


def gru_layer(rng: Random) -> Example:
    return gru.gru_example(rng, Rounding.DOUBLE, _sizes(rng))


def rnn_layer(rng: Random) -> Example:
    return rnn.rnn_example(rng, Rounding.DOUBLE, _sizes(rng))


def mean(rng: Random) -> Example:
    """Whole images and parts of them; more pixels than a sum of 16 bits takes."""
    shape = (
        rng.choice([1, 2]),
        rng.randint(1, 20),
        rng.randint(1, 20),
        rng.choice([1, 1, 2, 3, 4, 5, 7, 8, 12, 17, 22]),
    )
    kernel = rng.choice([shape[1:3], (rng.randint(1, shape[1]), rng.randint(1, shape[2])), (shape[1], 1)])
    window = Window(kernel, (rng.randint(1, 3), rng.randint(1, 3)))
    zero_points = randoms.zero_point(rng), randoms.zero_point(rng)
    bound = 255 * kernel[0] * kernel[1]
    scales = randoms.requant(rng, [bound], Rounding.DOUBLE, [20 * kernel[0] * kernel[1]])
    return Example(MeanStep(window, *zero_points, scales, *randoms.limits(rng)), (shape,), zero_points[:1])

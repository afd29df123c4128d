"""Layers on both sides of the limits of kernels with vectors: the rounding contract, and wide windows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mcuq.ir.integer import Requant, Rounding
from mcuq.ops.arithmetic import AddStep
from mcuq.ops.conv import DepthwiseStep
from mcuq.ops.pool import AveragePoolStep, MeanStep
from mcuq.ops.window import Window
from tests.kernels.armv7em.edges import WEIGHTED, averages, contracts, params
from tests.kernels.special import Edge
from tests.ops.randoms import Example

# Layers of the same shapes as those of the kernels for DSP cores.
LIKE = {
    "mcuq_conv2d_s8_mve": "mcuq_conv2d_s8_paired",
    "mcuq_depthwise_conv2d_s8_mve": "mcuq_depthwise_conv2d_s8_dsp",
    "mcuq_linear_s8_mve": "mcuq_linear_s8_dsp",
}


def _mean(columns: int, rounding: Rounding = Rounding.DOUBLE) -> Example:
    window = Window((2, columns))
    step = MeanStep(window, 3, 2, Requant((2**30,), (-8,), rounding), -128, 127)
    return Example(step, ((1, 2, columns, 9),), (3,))


def _average(*kernel: int) -> Example:
    step = AveragePoolStep(Window((kernel[0], kernel[1])), False, 5, -128, 127)
    return Example(step, ((1, *kernel, 9),), (5,))


def _add(rounding: Rounding) -> Example:
    half, y = (Requant((2**30,), (shift,), rounding) for shift in (0, -19))
    return Example(AddStep(1, 2, 3, half, half, y, False, -128, 127), ((1, 7), (1, 7)), (1, 2))


def _depthwise(rows: int) -> Example:
    found = params(np.full((1, rows, 1, 1), 1), [0], 12)
    return Example(DepthwiseStep(found, Window((rows, 1))), ((1, rows, 1, 1),), (0,))


def wide() -> Iterator[Edge]:
    """Rows of windows whose sums are int16, sums that are divided by a product, strips behind one another."""
    yield Edge("mcuq_mean_s8_mve", "columns", _mean(255), _mean(256))
    yield Edge("mcuq_average_pool_s8_mve", "columns", _average(2, 255), _average(2, 256))
    yield Edge("mcuq_average_pool_s8_mve", "taps", _average(61, 67), _average(73, 56))
    yield Edge("mcuq_depthwise_conv2d_s8_mve", "taps", _depthwise(9362), _depthwise(9363))


def rounded() -> Iterator[Edge]:
    """Two roundings, not one."""
    for kernel, like in LIKE.items():
        yield from contracts(kernel, *WEIGHTED[like])
    yield Edge("mcuq_mean_s8_mve", "rounding", _mean(5), _mean(5, Rounding.SINGLE))
    yield Edge("mcuq_add_s8_mve", "rounding", _add(Rounding.DOUBLE), _add(Rounding.SINGLE))


def more_examples() -> list[Example]:
    """Windows without any tap, and of as many taps as are taken."""
    return [*averages(), *(_average(1, columns) for columns in range(1, 8)), _average(67, 61)]


def edges() -> list[Edge]:
    return [*wide(), *rounded()]

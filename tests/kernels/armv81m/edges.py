"""Layers on both sides of the limits of kernels with vectors: the rounding contract, and wide windows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.types import DType
from mcuq.ops.accumulator import Accumulator
from mcuq.ops.arithmetic import AddStep
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.pool import AveragePoolStep, MeanStep
from mcuq.ops.weighted_step import changed_step
from mcuq.ops.window import Window
from tests.kernels.armv7em.edges import WEIGHTED, averages, contracts, params
from tests.kernels.special import Edge
from tests.ops import randoms
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
    roundings = (Rounding.DOUBLE, Rounding.SINGLE)
    yield Edge(
        "mcuq_mean_s16_mve", "rounding", *(_wide(_mean(5, each), x_zero_point=0) for each in roundings)
    )
    yield Edge("mcuq_add_s16_mve", "rounding", *(_wide(_add(each)) for each in roundings))


def _wide(example: Example, **changes: int) -> Example:
    return randoms.wide_move(example, dtype=DType.INT16, **changes)


def _widened(example: Example) -> Example:
    """With an output of int16."""
    op = example.op
    assert isinstance(op, ConvStep | LinearStep)
    found = dataclasses.replace(op.params, lo=-32768, hi=32767, y_zero_point=0, y_type=DType.INT16)
    return dataclasses.replace(example, op=changed_step(op, params=found))


def _long_depthwise(*kernel: int) -> Example:
    """Of int16 to int16, with sums that may need 64 bits."""
    found = params(np.full((3, *kernel, 1), -128), [2**31 - 1, -(2**31), 7], 14)
    wide = dataclasses.replace(
        found, lo=-32768, hi=32767, x_type=DType.INT16, y_type=DType.INT16, accumulator=Accumulator.INT64
    )
    window = Window((kernel[0], kernel[1]))
    return Example(DepthwiseStep(wide, window), ((1, *kernel, 3),), (0,), (DType.INT16,))


def mixed() -> Iterator[Edge]:
    """Taps whose sums are an int32, and two roundings of int8 inputs, not one."""
    yield Edge("mcuq_depthwise_conv2d_s16_mve", "taps", _long_depthwise(7, 73), _long_depthwise(8, 64))
    for kernel, like in (
        ("mcuq_conv2d_s8_s16_mve", "mcuq_conv2d_s8_paired"),
        ("mcuq_linear_s8_s16_mve", "mcuq_linear_s8_dsp"),
    ):
        for edge in contracts(kernel, *WEIGHTED[like]):
            yield Edge(kernel, edge.limit, _widened(edge.inside), _widened(edge.outside))


def more_examples() -> list[Example]:
    """Windows without any tap, and of as many taps as are taken."""
    return [*averages(), *(_average(1, columns) for columns in range(1, 8)), _average(67, 61)]


def edges() -> list[Edge]:
    return [*wide(), *rounded(), *mixed()]

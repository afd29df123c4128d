"""Layers whose input or output is int16, in the shapes that kernels for DSP cores treat in their own ways."""

from __future__ import annotations

import dataclasses
from random import Random

from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.types import DType
from mcuq.ops.arithmetic import AddStep
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.window import Window
from tests.ops import arithmetic, pool, randoms
from tests.ops.randoms import Example


def wide_conv(rng: Random, kind: DType = DType.INT8) -> Example:
    """Rows of odd and even lengths, borders of every width, pixels and channels that are left over."""
    kernel = rng.choice([(1, 1), (3, 3), (3, 3), (rng.randint(1, 5), rng.randint(1, 5))])
    size = [rng.randint(max(1, reach - 2), reach + 6) for reach in kernel]
    pads = [min(reach - 1, rng.choice([0, 1, 2])) for reach in kernel]
    window = Window(
        kernel, (rng.choice([1, 1, 2]), rng.choice([1, 1, 2])), (*pads, *(max(p, 2) for p in pads))
    )
    shape = (rng.choice([1, 1, 2]), *size, rng.choice([1, 2, 3, 4, 8, 16, 17]))
    params = randoms.weighted(rng, (rng.choice([1, 2, 3, 4, 8, 9]), *kernel, shape[3]), Rounding.DOUBLE, kind)
    return randoms.widened(rng, Example(ConvStep(params, window, 1), (shape,), (0,)))


def wide_near(rng: Random, kind: DType = DType.INT8) -> Example:
    """Neighbours whose windows share whole blocks of 16 codes, with borders of every width."""
    size, pads = [rng.randint(3, 6), rng.randint(4, 13)], [rng.choice([0, 1, 2]) for _ in range(2)]
    window = Window((3, 3), (rng.choice([1, 2]), 1), (*pads, *pads))
    shape = (1, *size, rng.choice([16, 32, 48]))
    params = randoms.weighted(rng, (rng.choice([2, 3, 5, 8]), 3, 3, shape[3]), Rounding.DOUBLE, kind)
    return randoms.widened(rng, Example(ConvStep(params, window, 1), (shape,), (0,)))


def wide_depthwise(rng: Random) -> Example:
    """Lines of every length, windows of three and others, one, two and three apart, with gaps."""
    kernel = rng.choice([(3, 3), (3, 3), (3, 3), (5, 3), (rng.randint(1, 5), rng.randint(1, 5))])
    gap = rng.choice([1, 1, 1, 2])
    size = [rng.randint(max(1, gap * (reach - 1) - 1), gap * reach + 9) for reach in kernel]
    pads = [min(gap * (reach - 1), rng.choice([0, 1, 2])) for reach in kernel]
    strides = (rng.choice([1, 1, 2, 3]), rng.choice([1, 1, 2, 3]))
    window = Window(kernel, strides, (*pads, *(max(p, 2) for p in pads)), (gap, gap))
    shape = (rng.choice([1, 1, 2]), *size, rng.choice([2, 2, 4, 6]))
    params = randoms.weighted(rng, (shape[3], *kernel, 1), Rounding.DOUBLE)
    return randoms.widened(rng, Example(DepthwiseStep(params, window), (shape,), (0,)))


def wide_3x3(rng: Random) -> Example:
    """Lines of every length along either axis, one and two apart along them, in any way across."""
    size = [rng.randint(1, 13), rng.randint(1, 13)]
    along = rng.choice([1, 1, 2])
    pads = [rng.choice([0, 1, 1, 2]) for _ in range(2)]
    gap = [1, 1]
    strides = [along, along]
    if rng.random() < 0.3:
        # Longer along columns, so that lines are these.
        size = [rng.randint(9, 13), rng.randint(1, 4)]
        strides, gap = [along, rng.choice([1, 2, 3])], [1, rng.choice([1, 2])]
    behind = [max(p, 2 * gap[axis] + 1 - size[axis], 0) for axis, p in enumerate(pads)]
    window = Window((3, 3), (*strides,), (*pads, *behind), (*gap,))
    shape = (rng.choice([1, 1, 2]), *size, rng.choice([2, 2, 4, 6]))
    params = randoms.weighted(rng, (shape[3], 3, 3, 1), Rounding.DOUBLE)
    return randoms.widened(rng, Example(DepthwiseStep(params, window), (shape,), (0,)))


def wide_linear(rng: Random, kind: DType = DType.INT8) -> Example:
    """Rows of odd and even lengths, and channels that are left over of four."""
    shape = (rng.choice([1, 1, 3]), rng.choice([1, 2, 3, 4, 5, 8, 31, 130]))
    params = randoms.weighted(rng, (rng.choice([1, 2, 3, 4, 5, 9, 22]), shape[1]), Rounding.DOUBLE, kind)
    return randoms.widened(rng, Example(LinearStep(params), (shape,), (0,)))


def narrow_wide_conv(rng: Random) -> Example:
    return wide_conv(rng, DType.INT4)


def narrow_wide_near(rng: Random) -> Example:
    return wide_near(rng, DType.INT4)


def narrow_wide_linear(rng: Random) -> Example:
    return wide_linear(rng, DType.INT4)


def fours_linear(rng: Random) -> Example:
    m, k, rows = _fours(rng)
    params = randoms.weighted(rng, (m, k), Rounding.DOUBLE, DType.INT4)
    return _trained(rng, randoms.widened(rng, Example(LinearStep(params), ((rows, k),), (0,))))


def fours_conv(rng: Random) -> Example:
    m, k, pixels = _fours(rng)
    params = randoms.weighted(rng, (m, 1, 1, k), Rounding.DOUBLE, DType.INT4)
    made = Example(ConvStep(params, Window((1, 1)), 1), ((1, 1, pixels, k),), (0,))
    return _trained(rng, randoms.widened(rng, made))


def _fours(rng: Random) -> tuple[int, int, int]:
    """Many fours of channels, now and then some more; inputs; rows or pixels."""
    m = 4 * rng.choice([1, 3, 4, 6]) + rng.choice([0, 0, 0, 1, 3])
    return m, rng.choice([3, 8, 24, 44, 52, 66]), rng.choice([1, 2, 3, 4, 7])


def _trained(rng: Random, example: Example) -> Example:
    """As trained layers are: right shifts for few instructions, limits of int16 or of its codes from 0 on.

    Now and then four channels among them keep their scales.
    """
    params = example.op.params
    kept = range(4, 8) if rng.random() < 0.4 else ()
    shifts = tuple(
        shift if channel in kept else max(-23, min(shift, -1))
        for channel, shift in enumerate(params.requant.shift)
    )
    scales = Requant(tuple(m or 2**30 for m in params.requant.multiplier), shifts, params.requant.rounding)
    params = dataclasses.replace(params, requant=scales)
    if params.y_type is DType.INT16:
        params = dataclasses.replace(params, lo=rng.choice([-32768, 0]), hi=32767)
    return dataclasses.replace(example, op=dataclasses.replace(example.op, params=params))


def wide_add(rng: Random) -> Example:
    """Of one shape; operands of equal scales and of others."""
    made = arithmetic.wide_add_example(rng, Rounding.DOUBLE)
    op = made.op
    assert isinstance(op, AddStep)
    shape = randoms.any_shape(rng)
    op = randoms.changed_step(op, y_zero_point=0)
    if rng.random() < 0.7:
        op = randoms.changed_step(op, lo=rng.choice([-32768, 0]), hi=32767, is_subtraction=False)
    return Example(op, (shape, shape), (0, 0), made.types)


def wide_mean(rng: Random) -> Example:
    return pool.wide_mean_example(rng, Rounding.DOUBLE)


MAKERS = {
    **dict.fromkeys(
        ("mcuq_conv2d_s16_gemm", "mcuq_conv2d_s16_s8_gemm", "mcuq_conv2d_s8_s16_gemm"),
        (wide_conv, wide_near, fours_conv),
    ),
    **dict.fromkeys(
        (
            "mcuq_depthwise_conv2d_s16_planes",
            "mcuq_depthwise_conv2d_s16_s8_planes",
            "mcuq_depthwise_conv2d_s8_s16_planes",
        ),
        (wide_depthwise,),
    ),
    **dict.fromkeys(
        ("mcuq_linear_s16_dsp", "mcuq_linear_s16_s8_dsp", "mcuq_linear_s8_s16_dsp"),
        (wide_linear, fours_linear),
    ),
    **dict.fromkeys(
        ("mcuq_conv2d_s16_w4_gemm", "mcuq_conv2d_s16_s8_w4_gemm", "mcuq_conv2d_s8_s16_w4_gemm"),
        (narrow_wide_conv, narrow_wide_near, fours_conv),
    ),
    **dict.fromkeys(
        ("mcuq_linear_s16_w4_dsp", "mcuq_linear_s16_s8_w4_dsp", "mcuq_linear_s8_s16_w4_dsp"),
        (narrow_wide_linear, fours_linear),
    ),
    "mcuq_depthwise_conv2d_s16_3x3": (wide_3x3,),
    "mcuq_add_s16_dsp": (wide_add,),
    "mcuq_mean_s16_dsp": (wide_mean,),
}

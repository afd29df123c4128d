"""Layers whose input or output is int16, in the shapes that kernels for DSP cores treat in their own ways."""

from __future__ import annotations

from random import Random

from mcuq.ir.integer import Rounding
from mcuq.ops.arithmetic import AddStep
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.window import Window
from tests.ops import arithmetic, pool, randoms
from tests.ops.randoms import Example


def wide_conv(rng: Random) -> Example:
    """Rows of odd and even lengths, borders of every width, pixels and channels that are left over."""
    kernel = rng.choice([(1, 1), (3, 3), (3, 3), (rng.randint(1, 5), rng.randint(1, 5))])
    size = [rng.randint(max(1, reach - 2), reach + 6) for reach in kernel]
    pads = [min(reach - 1, rng.choice([0, 1, 2])) for reach in kernel]
    window = Window(
        kernel, (rng.choice([1, 1, 2]), rng.choice([1, 1, 2])), (*pads, *(max(p, 2) for p in pads))
    )
    shape = (rng.choice([1, 1, 2]), *size, rng.choice([1, 2, 3, 4, 8, 16, 17]))
    params = randoms.weighted(rng, (rng.choice([1, 2, 3, 4, 8, 9]), *kernel, shape[3]), Rounding.DOUBLE)
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


def wide_linear(rng: Random) -> Example:
    """Rows of odd and even lengths, and channels that are left over of four."""
    shape = (rng.choice([1, 1, 3]), rng.choice([1, 2, 3, 4, 5, 8, 31, 130]))
    params = randoms.weighted(rng, (rng.choice([1, 2, 3, 4, 5, 9]), shape[1]), Rounding.DOUBLE)
    return randoms.widened(rng, Example(LinearStep(params), (shape,), (0,)))


def wide_add(rng: Random) -> Example:
    """Of one shape; operands of equal scales and of others."""
    made = arithmetic.wide_add_example(rng, Rounding.DOUBLE)
    op = made.op
    assert isinstance(op, AddStep)
    shape = randoms.any_shape(rng)
    return Example(randoms.changed_step(op, y_zero_point=0), (shape, shape), (0, 0), made.types)


def wide_mean(rng: Random) -> Example:
    return pool.wide_mean_example(rng, Rounding.DOUBLE)


MAKERS = {
    **dict.fromkeys(
        ("mcuq_conv2d_s16_gemm", "mcuq_conv2d_s16_s8_gemm", "mcuq_conv2d_s8_s16_gemm"),
        (wide_conv,),
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
        (wide_linear,),
    ),
    "mcuq_add_s16_dsp": (wide_add,),
    "mcuq_mean_s16_dsp": (wide_mean,),
}

"""Convolutions: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from mcuq.ir.integer import Rounding
from mcuq.ir.types import DType
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.window import Window
from tests.ops import randoms
from tests.ops.plain import int32, is_inside, over_windows, taps, weighted
from tests.ops.randoms import Example, Generator


def conv2d_example(rng: Random, rounding: Rounding, kind: DType = DType.INT8) -> Example:
    groups = rng.choice([1, 1, 2, 3])
    depth = rng.choice([1, 2, 3, 4, 5, 8, 16]) if groups == 1 else rng.choice([1, 2, 3, 4])
    shape = randoms.image_shape(rng, groups * depth)
    window = randoms.window(rng, *shape[1:3])
    filters = groups * rng.choice([1, 2, 3, 4, 5])
    params = randoms.weighted(rng, (filters, *window.kernel, depth), rounding, kind)
    return Example(ConvStep(params, window, groups), (shape,), (params.x_zero_point,))


def depthwise_conv2d_example(rng: Random, rounding: Rounding, kind: DType = DType.INT8) -> Example:
    shape = randoms.image_shape(rng, rng.choice([2, 3, 4, 5, 7, 8, 9, 17]))
    window = randoms.window(rng, *shape[1:3])
    channels = shape[3] * rng.choice([1, 1, 2, 3])
    if rng.random() < 0.1:  # kernels like windows of three, but not with gaps
        window = Window((3, 3), (1, 1), (2, 2, 2, 2), (2, 2))
    params = randoms.weighted(rng, (channels, *window.kernel, 1), rounding, kind)
    return Example(DepthwiseStep(params, window), (shape,), (params.x_zero_point,))


def conv2d(op: Any, x: list) -> list:
    params = op.params
    weights, bias = params.weights.tolist(), params.bias.tolist()
    depth = len(weights[0][0][0])
    filters = len(weights) // op.groups

    def value(image: list, oy: int, ox: int, m: int) -> int:
        acc, first = bias[m], (m // filters) * depth
        for i, j, row, col in taps(op.window, oy, ox):
            if is_inside(image, row, col):
                for c in range(depth):
                    acc += (image[row][col][first + c] - params.x_zero_point) * weights[m][i][j][c]
                    if params.accumulator.value == "acc32":
                        int32(acc)
        return weighted(params, acc, m)

    return over_windows(op, x, len(weights), value)


def depthwise_conv2d(op: Any, x: list) -> list:
    params = op.params
    weights, bias = params.weights.tolist(), params.bias.tolist()
    multiple = len(weights) // len(x[0][0][0])

    def value(image: list, oy: int, ox: int, m: int) -> int:
        acc = bias[m]
        for i, j, row, col in taps(op.window, oy, ox):
            if is_inside(image, row, col):
                acc += (image[row][col][m // multiple] - params.x_zero_point) * weights[m][i][j][0]
        return weighted(params, acc, m)

    return over_windows(op, x, len(weights), value)


def wide_conv2d_example(rng: Random, rounding: Rounding, kind: DType = DType.INT8) -> Example:
    return randoms.widened(rng, conv2d_example(rng, rounding, kind))


def wide_depthwise_conv2d_example(rng: Random, rounding: Rounding, kind: DType = DType.INT8) -> Example:
    """Often of windows with gaps along their columns."""
    example, is_dilated = depthwise_conv2d_example(rng, rounding, kind), rng.random() < 0.4
    while is_dilated and (example.op.window.dilations[1] == 1 or example.op.window.kernel[1] == 1):
        example = depthwise_conv2d_example(rng, rounding, kind)
    return randoms.widened(rng, example)


EXAMPLES: Mapping[str, Generator] = {"conv2d": conv2d_example, "depthwise_conv2d": depthwise_conv2d_example}
WIDE_EXAMPLES: Mapping[str, Generator] = {
    "conv2d": wide_conv2d_example,
    "depthwise_conv2d": wide_depthwise_conv2d_example,
}
NARROW_EXAMPLES: Mapping[str, Generator] = {
    "conv2d": functools.partial(conv2d_example, kind=DType.INT4),
    "depthwise_conv2d": functools.partial(depthwise_conv2d_example, kind=DType.INT4),
}
NARROW_WIDE_EXAMPLES: Mapping[str, Generator] = {
    "conv2d": functools.partial(wide_conv2d_example, kind=DType.INT4),
    "depthwise_conv2d": functools.partial(wide_depthwise_conv2d_example, kind=DType.INT4),
}
REFERENCES: Mapping[str, Callable[..., Any]] = {"conv2d": conv2d, "depthwise_conv2d": depthwise_conv2d}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_conv2d_s8": (
        "(row < 0) => (row <= 0)",
        "(col >= p->in_w) => (col > p->in_w)",
        "(x[c] - zero_point) => (x[c] + zero_point)",
        "(m / filters) => (m % filters)",
        "(i * p->dilation_h) => i",
        "(ox * p->stride_w) => (ox * p->stride_h)",
        "p->bias[m] => p->bias[0]",
        "p->shift[m] => p->shift[0]",
        "p->multiplier[m] => p->multiplier[0]",
        "- p->pad_left => - p->pad_top",
    ),
    "mcuq_conv2d_s16": ("p, x, 1, y, 1 => p, x, 0, y, 1", "p, x, 1, y, 1 => p, x, 1, y, 0"),
    "mcuq_conv2d_s16_s8": ("p, x, 1, y, 0 => p, x, 0, y, 0", "p, x, 1, y, 0 => p, x, 1, y, 1"),
    "mcuq_conv2d_s8_s16": ("p, x, 0, y, 1 => p, x, 1, y, 1", "p, x, 0, y, 1 => p, x, 0, y, 0"),
    "mcuq_depthwise_conv2d_s16": ("p, x, 1, y, 1 => p, x, 0, y, 1", "p, x, 1, y, 1 => p, x, 1, y, 0"),
    "mcuq_depthwise_conv2d_s16_s8": ("p, x, 1, y, 0 => p, x, 0, y, 0", "p, x, 1, y, 0 => p, x, 1, y, 1"),
    "mcuq_depthwise_conv2d_s8_s16": ("p, x, 0, y, 1 => p, x, 1, y, 1", "p, x, 0, y, 1 => p, x, 0, y, 0"),
    "mcuq_conv2d_s16_w4": ("p, x, 1, y, 1 => p, x, 0, y, 1", "p, x, 1, y, 1 => p, x, 1, y, 0"),
    "mcuq_conv2d_s16_s8_w4": ("p, x, 1, y, 0 => p, x, 0, y, 0", "p, x, 1, y, 0 => p, x, 1, y, 1"),
    "mcuq_conv2d_s8_s16_w4": ("p, x, 0, y, 1 => p, x, 1, y, 1", "p, x, 0, y, 1 => p, x, 0, y, 0"),
    "mcuq_depthwise_conv2d_s16_w4": ("p, x, 1, y, 1 => p, x, 0, y, 1", "y, 1, 1); => y, 1, 0);"),
    "mcuq_depthwise_conv2d_s16_s8_w4": ("p, x, 1, y, 0 => p, x, 0, y, 0", "y, 0, 1); => y, 0, 0);"),
    "mcuq_depthwise_conv2d_s8_s16_w4": ("p, x, 0, y, 1 => p, x, 1, y, 1", "y, 1, 1); => y, 1, 0);"),
    "mcuq_conv2d_s8_w4": (
        "(row >= p->in_h) => (row > p->in_h)",
        "(x[c] - zero_point) => x[c]",
        "weights, first + c) => weights, c)",
        "m * taps, row => 0, row",
        "(j * p->dilation_w) => j",
        "p->shift[m] => p->shift[0]",
    ),
    "mcuq_conv2d_s8_4x2": (
        "group * (p->in_c / p->groups) => group * p->groups",
        "group * filters); => 0);",
        "&w[channels * p->window_c] => &w[p->window_c]",
        ">= 4) ? 4 : 1 => > 4) ? 4 : 1",
        "p->bias[m], sums => p->bias[0], sums",
        "(count > 0) => (count > 1)",
        "window_c, &p->bias[m] => window_c, p->bias",
    ),
    "mcuq_conv2d_s8_w4_4x2": (
        "group * group_bytes => 0",
        "((filters + 3) / 4) => (filters / 4)",
        "&w[2 * p->window_c] => &w[p->window_c]",
        "(end - m) < 4) ? (end - m) : 4 => (end - m) < 4) ? 1 : 4",
        "group * filters); => 0);",
        "window_c, &p->bias[m] => window_c, p->bias",
        "y = &y[channels] => y = &y[3]",
    ),
    "mcuq_depthwise_conv2d_s8_planes": (
        "m / p->per_channel]) => m % p->per_channel])",
        "(p->pad_lines + line) => line",
        "+ p->pad_l] => + p->pad_lines]",
        "from += step => from += (step > 0) ? 1 : 0",
        "from = line * p->x_line => from = line * p->x_step",
        "c += tap[2 * step] => c += tap[step]",
        "tap = &tap[dilation] => tap = &tap[dilation + 1]",
        "next_line = p->dilation_lines * p->plane_l => next_line = p->plane_l + 1",
        "step = p->dilation_lines * p->plane_l => step = p->plane_l + 1",
        "(line[5] * w[2]) => (line[4] * w[2])",
        "(p->stride_l == 1) => (p->stride_l >= 1)",
        "(p->dilation_l == 1) => (p->dilation_l >= 1)",
        "line * p->stride_lines => line",
        "p->bias[m], sums);\n        } else => p->bias[0], sums);\n        } else",
        "memset(plane, p->x_zero_point => memset(plane, 0",
        "x = &x[p->x_image] => x = &x[0]",
    ),
    "mcuq_depthwise_conv2d_s8_w4": (
        "m / p->per_channel => m % p->in_c",
        "* p->out_c) + m); => * p->in_c) + m);",
        "(col < p->in_w) => (col <= p->in_w)",
    ),
    "mcuq_depthwise_conv2d_s8": (
        "m / p->per_channel => m % p->in_c",
        "(col >= 0) => (col > 0)",
        "- p->x_zero_point => ",
        "(j * p->dilation_w) => j",
        "* p->out_c) + m => * p->in_c) + m",
        "(row >= p->in_h) => (row >= p->in_w)",
    ),
}

"""Transposed convolutions: examples for the contract tests and the definition in plain integers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from mcuq.ir.integer import Rounding
from mcuq.ir.op import ShapeError
from mcuq.ir.types import DType, Shape
from mcuq.ops.transposed_conv import Stamp, TransposedConvStep
from tests.ops import randoms
from tests.ops.plain import int32, weighted
from tests.ops.randoms import Example, Generator


def stamp(rng: Random, shape: Shape) -> Stamp:
    """Windows that overlap, touch and leave gaps; often some sums are left out."""
    while True:
        kernel, strides = rng.choice(
            [
                ((3, 3), (2, 2)),
                ((2, 2), (2, 2)),
                ((rng.randint(1, 5), rng.randint(1, 5)), (1, 1)),
                (None, None),
            ]
        )
        kernel = kernel or (rng.randint(1, 5), rng.randint(1, 5))
        strides = strides if rng.random() < 0.5 and strides else (rng.randint(1, 4), rng.randint(1, 4))
        dilations = rng.choice([(1, 1), (1, 1), (rng.randint(1, 4), rng.randint(1, 4))])
        pads = (0, 0, 0, 0)
        if rng.random() < 0.6:
            pads = (rng.randint(0, 4), rng.randint(0, 4), rng.randint(0, 4), rng.randint(0, 4))
        extra = (0, 0)
        if rng.random() < 0.4:
            extra = (
                rng.randrange(max(strides[0], dilations[0])),
                rng.randrange(max(strides[1], dilations[1])),
            )
        candidate = Stamp(kernel, strides, pads, dilations, extra)
        try:
            candidate.output_shape(shape, 1)
        except ShapeError:
            continue
        return candidate


def transposed_conv2d_example(rng: Random, rounding: Rounding, kind: DType = DType.INT8) -> Example:
    groups = rng.choice([1, 1, 2, 3])
    depth = rng.choice([1, 2, 3, 4, 8])
    shape = randoms.image_shape(rng, groups * depth)
    placed = stamp(rng, shape)
    filters = groups * rng.choice([1, 2, 3, 4])
    params = randoms.weighted(rng, (filters, *placed.kernel, depth), rounding, kind)
    return Example(TransposedConvStep(params, placed, groups), (shape,), (params.x_zero_point,))


def _sums(op: Any, image: list) -> list:
    """Bias and products, input by input, of all outputs, those that are left out included."""
    params, placed = op.params, op.stamp
    weights, depth = params.weights.tolist(), params.weights.shape[3]
    filters = len(weights) // op.groups
    height = (len(image) - 1) * placed.strides[0] + (placed.kernel[0] - 1) * placed.dilations[0] + 1
    width = (len(image[0]) - 1) * placed.strides[1] + (placed.kernel[1] - 1) * placed.dilations[1] + 1
    sums = [
        [params.bias.tolist() for _ in range(width + placed.extra[1])]
        for _ in range(height + placed.extra[0])
    ]
    for row, line in enumerate(image):
        for col, pixel in enumerate(line):
            for i in range(placed.kernel[0]):
                for j in range(placed.kernel[1]):
                    y = row * placed.strides[0] + i * placed.dilations[0]
                    x = col * placed.strides[1] + j * placed.dilations[1]
                    for m, filter_ in enumerate(weights):
                        first = (m // filters) * depth
                        for c in range(depth):
                            value = (pixel[first + c] - params.x_zero_point) * filter_[i][j][c]
                            sums[y][x][m] = int32(sums[y][x][m] + value)
    return sums


def transposed_conv2d(op: Any, x: list) -> list:
    top, left, bottom, right = op.stamp.pads
    images = []
    for image in x:
        rows = _sums(op, image)
        kept = [row[left : len(row) - right] for row in rows[top : len(rows) - bottom]]
        images.append(
            [[[weighted(op.params, acc, m) for m, acc in enumerate(at)] for at in row] for row in kept]
        )
    return images


EXAMPLES: Mapping[str, Generator] = {"transposed_conv2d": transposed_conv2d_example}
NARROW_EXAMPLES: Mapping[str, Generator] = {
    "transposed_conv2d": functools.partial(transposed_conv2d_example, kind=DType.INT4)
}
REFERENCES: Mapping[str, Callable[..., Any]] = {"transposed_conv2d": transposed_conv2d}
MUTANTS: Mapping[str, Sequence[str]] = {
    "mcuq_transposed_conv2d_s8_w4": (
        "(col >= 0) => (col > 0)",
        "weights, first + c) => weights, c)",
        "m * taps, row => 0, row",
        "i += p->tap_step_h => i += p->tap_step_w",
    ),
    "mcuq_transposed_conv2d_s8": (
        "(row >= 0) => (row > 0)",
        "(col >= 0) => (col > 0)",
        "< size) => <= size)",
        "(x[c] - zero_point) => (x[c] + zero_point)",
        "(m / filters) => (m % filters)",
        "(tap * dilation) => (tap + dilation)",
        "col -= p->back_step_w => col -= p->back_step_h",
        "i += p->tap_step_h => i += p->tap_step_w",
        "ox + p->pad_left => ox + p->pad_top",
        "oy + p->pad_top => oy",
        "p->bias[m] => p->bias[0]",
        "p->shift[m] => p->shift[0]",
        "p->multiplier[m] => p->multiplier[0]",
    ),
}

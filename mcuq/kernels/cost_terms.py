"""What the cycles of a kernel are made of: counts that follow from a step's shapes alone.

A kernel's modelled cost is the sum of these counts, each times a coefficient that
`tests/kernels/measured_costs.py` fitted to cycles of `mcuq profile` (targets/*/costs.toml). All counts are
integers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from mcuq.ir.types import Shape, elem_count
from mcuq.kernels.dsp_weighted import round_up
from mcuq.kernels.variant import StepShapes
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.pool import MeanStep
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window

Terms: TypeAlias = dict[str, int]


def _limited(params: WeightedParams, outputs: int) -> int:
    """Outputs that kernels limit in a pass of their own: none where int8 is the limit."""
    return 0 if (params.lo, params.hi) == (-128, 127) else outputs


def _taps_inside(out: int, size: int, axis: int, window: Window) -> list[int]:
    """Taps inside the image along an axis, for each output."""
    first = -window.pads[axis]
    reach = [first + window.dilations[axis] * tap for tap in range(window.kernel[axis])]
    stride = window.strides[axis]
    return [sum(0 <= at + stride * position < size for at in reach) for position in range(out)]


def _windows(window: Window, x: Shape, y: Shape) -> tuple[int, int, int]:
    """Per image: windows, windows that leave the image, taps inside the image of all windows."""
    rows, cols = (_taps_inside(y[1 + axis], x[1 + axis], axis, window) for axis in (0, 1))
    whole_rows, whole_cols = (
        counts.count(reach) for counts, reach in zip((rows, cols), window.kernel, strict=True)
    )
    return y[1] * y[2], y[1] * y[2] - whole_rows * whole_cols, sum(rows) * sum(cols)


def conv_paired(op: ConvStep, site: StepShapes) -> Terms:
    """Four channels by two pixels; windows are expanded first, by way of a line where rows are no words."""
    x, y = site.inputs[0], site.output
    count, border, _ = _windows(op.window, x, y)
    row = op.window.kernel[1] * x[3]
    wide = round_up(op.window.kernel[0] * row, 4)
    groups, pairs = -(-y[3] // 4), x[0] * -(-count // 2)
    border, inside = x[0] * border, x[0] * (count - border)
    by_line = row % 4 != 0
    return {
        "block_codes": pairs * groups * wide,
        "blocks": pairs * groups,
        "pairs": pairs,
        "window_codes": inside * wide,
        "windows": inside,
        "line_codes": inside * wide * by_line,
        "line_rows": inside * op.window.kernel[0] * by_line,
        "border_codes": border * wide,
        "border_windows": border,
        "border_bytes": border * wide * (x[3] % 4 != 0),
        "rest": pairs * (y[3] % 4 != 0),
        "limited": _limited(op.params, elem_count(y)),
        "calls": 1,
    }


def conv_gemm(op: ConvStep, site: StepShapes) -> Terms:
    """Two channels by four pixels; what is left over of four pixels goes by way of a block."""
    x, y = site.inputs[0], site.output
    count, border, _ = _windows(op.window, x, y)
    rows = op.window.kernel[0]
    taps = rows * round_up(op.window.kernel[1] * x[3], 4)
    fours, pairs = x[0] * -(-count // 4), -(-y[3] // 2)
    is_limited = (op.params.lo, op.params.hi) != (-128, 127)
    indirect = elem_count(y) if is_limited else x[0] * (count % 4) * y[3]
    return {
        "block_codes": fours * pairs * taps,
        "blocks": fours * pairs,
        "window_codes": x[0] * count * taps,
        "window_rows": x[0] * count * rows,
        "windows": x[0] * count,
        "border_codes": x[0] * border * taps,
        "border_rows": x[0] * border * rows,
        "indirect": indirect,
        "calls": 1,
    }


def conv_portable(op: ConvStep, site: StepShapes) -> Terms:
    """One output at a time, taps outside the image left out."""
    x, y = site.inputs[0], site.output
    _, _, taps = _windows(op.window, x, y)
    depth = x[3] // op.groups
    return {
        "macs": x[0] * y[3] * taps * depth,
        "taps": x[0] * y[3] * taps,
        "rows": elem_count(y) * op.window.kernel[0],
        "outputs": elem_count(y),
        "calls": 1,
    }


def depthwise_portable(op: DepthwiseStep, site: StepShapes) -> Terms:
    """One output at a time, taps outside the image left out."""
    x, y = site.inputs[0], site.output
    _, _, taps = _windows(op.window, x, y)
    return {
        "macs": x[0] * y[3] * taps,
        "rows": elem_count(y) * op.window.kernel[0],
        "outputs": elem_count(y),
        "calls": 1,
    }


def depthwise_dsp(op: DepthwiseStep, site: StepShapes) -> Terms:
    """Four channels of a pixel at a time; first the addresses of all taps."""
    y = site.output
    pixels, fours = y[0] * y[1] * y[2], y[3] // 4
    taps = op.window.kernel[0] * op.window.kernel[1]
    return {
        "tap_pairs": pixels * fours * -(-taps // 2),
        "fours": pixels * fours,
        "addresses": pixels * taps,
        "pixels": pixels,
        "calls": 1,
    }


def depthwise_3x3(op: DepthwiseStep, site: StepShapes) -> Terms:
    """Tiles of 16 / stride columns, read as 16 bits per four channels, 2 x 2 outputs at a time."""
    x, y = site.inputs[0], site.output
    stride = op.window.strides[0]
    width = 16 // stride
    cols = [min(width, y[2] - first) for first in range(0, y[2], width)]
    blocks = -(-y[1] // 2) * sum(-(-count // 2) for count in cols)
    rows = (y[1] - 1) * stride + 3
    reads = rows * sum((count - 1) * stride + 3 for count in cols)
    fours = x[0] * x[3] // 4
    mine = f"_stride_{stride}"
    return {
        f"blocks{mine}": fours * blocks,
        f"block_rows{mine}": fours * len(cols) * -(-y[1] // 2),
        "pixels_read": fours * reads,
        "rows_read": fours * rows * len(cols),
        f"tiles{mine}": fours * len(cols),
        "limited": _limited(op.params, elem_count(y)),
        "calls": 1,
    }


def linear_paired(op: LinearStep, site: StepShapes) -> Terms:
    """Eight outputs at a time, then four; the input is expanded once per row."""
    rows = elem_count(site.inputs[0][:-1])
    m, k = op.params.weights.shape
    wide, eights, rest = round_up(k, 4), m // 8, -(-(m % 8) // 4)
    return {
        "eight_codes": rows * eights * wide,
        "eights": rows * eights,
        "four_codes": rows * rest * wide,
        "fours": rows * rest,
        "input_codes": rows * wide,
        "rows": rows,
        "limited": _limited(op.params, rows * m),
        "calls": 1,
    }


def linear_dsp(op: LinearStep, site: StepShapes) -> Terms:
    """Four outputs at a time; the input is expanded once per row."""
    rows = elem_count(site.inputs[0][:-1])
    m, k = op.params.weights.shape
    wide, fours = round_up(k, 8), -(-m // 4)
    return {
        "four_codes": rows * fours * wide,
        "fours": rows * fours,
        "input_codes": rows * wide,
        "rows": rows,
        "calls": 1,
    }


def linear_portable(op: LinearStep, site: StepShapes) -> Terms:
    """One output at a time."""
    rows = elem_count(site.inputs[0][:-1])
    m, k = op.params.weights.shape
    return {"macs": rows * m * k, "outputs": rows * m, "calls": 1}


def mean(op: MeanStep, site: StepShapes) -> Terms:
    """All codes are summed up, every output is requantized."""
    outputs = elem_count(site.output)
    return {"codes": outputs * op.window.kernel[0] * op.window.kernel[1], "outputs": outputs, "calls": 1}


def elements(op: object, site: StepShapes) -> Terms:
    """The same work for every element of the output."""
    del op
    return {"elements": elem_count(site.output), "calls": 1}


TERMS: Mapping[str, Callable[[Any, StepShapes], Terms]] = MappingProxyType(
    {
        "mcuq_conv2d_s8_paired": conv_paired,
        "mcuq_conv2d_s8_gemm": conv_gemm,
        "mcuq_conv2d_s8": conv_portable,
        "mcuq_depthwise_conv2d_s8_3x3": depthwise_3x3,
        "mcuq_depthwise_conv2d_s8_dsp": depthwise_dsp,
        "mcuq_depthwise_conv2d_s8": depthwise_portable,
        "mcuq_linear_s8_paired": linear_paired,
        "mcuq_linear_s8_dsp": linear_dsp,
        "mcuq_linear_s8": linear_portable,
        "mcuq_mean_s8_dsp": mean,
        "mcuq_mean_s8": mean,
        "mcuq_add_s8_table": elements,
        "mcuq_add_s8": elements,
        "mcuq_add_broadcast_s8": elements,
        "mcuq_mul_s8": elements,
        "mcuq_mul_broadcast_s8": elements,
    }
)

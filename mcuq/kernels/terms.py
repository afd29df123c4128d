"""Counts that the cost terms of several kernels share. All are integers, none is negative."""

from __future__ import annotations

from mcuq.ir.types import Shape, elem_count
from mcuq.kernels.variant import StepShapes, Terms
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window


def element_terms(shapes: StepShapes) -> Terms:
    """The same work for every element of the output."""
    return {"elements": elem_count(shapes.output), "calls": 1}


def limited(params: WeightedParams, outputs: int) -> int:
    """Outputs that kernels limit in a pass of their own: none where int8 is the limit."""
    return 0 if (params.lo, params.hi) == (-128, 127) else outputs


def count_windows(window: Window, x: Shape, y: Shape) -> tuple[int, int, int]:
    """Per image: windows, windows that leave the image, taps inside the image of all windows."""
    rows, cols = (_taps_inside(y[1 + axis], x[1 + axis], axis, window) for axis in (0, 1))
    whole_rows, whole_cols = (
        counts.count(reach) for counts, reach in zip((rows, cols), window.kernel, strict=True)
    )
    return y[1] * y[2], y[1] * y[2] - whole_rows * whole_cols, sum(rows) * sum(cols)


def _taps_inside(out: int, size: int, axis: int, window: Window) -> list[int]:
    """Taps inside the image along an axis, for each output."""
    first = -window.pads[axis]
    reach = [first + window.dilations[axis] * tap for tap in range(window.kernel[axis])]
    stride = window.strides[axis]
    return [sum(0 <= at + stride * position < size for at in reach) for position in range(out)]

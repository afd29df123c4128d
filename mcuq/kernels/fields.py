"""Members of kernels' parameter structs that several kernels share."""

from __future__ import annotations

from typing import TypeAlias

from mcuq.ir.types import Shape
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window

Fields: TypeAlias = tuple[tuple[str, int], ...]


def image_fields(x: Shape, y: Shape, channels: str) -> Fields:
    """Images `[n, h, w, c]` before and after; `channels` is what the struct calls the input's."""
    return (("n", x[0]), ("in_h", x[1]), ("in_w", x[2]), (channels, x[3]), ("out_h", y[1]), ("out_w", y[2]))


def kernel_fields(window: Window) -> Fields:
    """A window's size and strides."""
    (kh, kw), (sh, sw) = window.kernel, window.strides
    return (("kernel_h", kh), ("kernel_w", kw), ("stride_h", sh), ("stride_w", sw))


def window_fields(window: Window, with_dilation: bool) -> Fields:
    """All of a window; the borders behind follow from the output's shape."""
    fields = kernel_fields(window)
    if with_dilation:
        fields += (("dilation_h", window.dilations[0]), ("dilation_w", window.dilations[1]))
    return (*fields, ("pad_top", window.pads[0]), ("pad_left", window.pads[1]))


def limit_fields(params: WeightedParams) -> Fields:
    """The limits of a weighted layer's codes."""
    return (("lo", params.lo), ("hi", params.hi))


def round_up(value: int, multiple: int) -> int:
    """The next multiple.

    >>> round_up(9, 4)
    12
    """
    return -(-value // multiple) * multiple

"""Pools and convolutions with three spatial axes as ones with two: exact, with one rounding."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from mcuq.ir.types import Array, Shape
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.ops.conv import Conv2d
from mcuq.ops.move import Concat
from mcuq.ops.onnx.emit import reshape, transpose
from mcuq.ops.onnx.slice import take
from mcuq.ops.onnx.window import AxisWindow, window_of
from mcuq.ops.pad import Pad
from mcuq.ops.pool import AveragePool, MaxPool
from mcuq.ops.window import Window

_TO_NDHWC, _TO_NCDHW = (0, 2, 3, 4, 1), (0, 4, 1, 2, 3)


@dataclasses.dataclass(frozen=True, slots=True)
class _Slabs:
    """Neighbouring outputs along the depth that read equally many rows inside the volume.

    Args:
        rows: for each output the rows that it reads.
    """

    rows: tuple[tuple[int, ...], ...]

    @property
    def depth(self) -> int:
        """Rows of an output."""
        return len(self.rows[0])


def read_max_pool_3d(ctx: ImportContext, node: OnnxNode, x: str, windows: Sequence[AxisWindow]) -> None:
    """A maximum over height and width, and then one over the depth."""
    depth, *flat = windows
    name = node.output
    x = transpose(ctx, x, _TO_NDHWC, ctx.temporary(name, "in ndhwc"))
    n, d, h, w, c = ctx.shape(x)
    x = reshape(ctx, x, (n * d, h, w, c), ctx.temporary(name, "images"))
    x = ctx.emit(MaxPool(window_of(flat)), (x,), ctx.temporary(name, "over images"))
    _, h, w, _ = ctx.shape(x)
    x = reshape(ctx, x, (n, d, h * w, c), ctx.temporary(name, "columns"))
    along = Window((depth.taps, 1), (depth.stride, 1), (depth.before, 0, depth.after, 0), (depth.dilation, 1))
    x = ctx.emit(MaxPool(along), (x,), ctx.temporary(name, "over depth"), is_helper=True)
    _back(ctx, x, (n, ctx.shape(x)[1], h, w, c), name)


def read_average_pool_3d(ctx: ImportContext, node: OnnxNode, x: str, windows: Sequence[AxisWindow]) -> None:
    """Averages of images whose columns are those of all rows of the depth that an output reads, side by side.

    Args:
        ctx: the graph under construction.
        node: the node.
        x: `[N, C, D, H, W]`, where what counts as padding is a part of it already.
        windows: of its axes, without dilation; padding that is left is not counted.
    """
    depth, height, width = windows
    parts = [
        _averages(ctx, x, slabs, (height, width), node.output)
        for slabs in _slabs(ctx, depth, ctx.shape(x)[2])
    ]
    joined = parts[0]
    if len(parts) > 1:
        joined = ctx.emit(Concat(1), tuple(parts), ctx.temporary(node.output, "depth"), is_helper=True)
    transpose(ctx, joined, _TO_NCDHW, node.output)


def _averages(
    ctx: ImportContext, x: str, slabs: _Slabs, flat: tuple[AxisWindow, AxisWindow], name: str
) -> str:
    """Averages of some outputs along the depth, `[N, D', OH, OW, C]`."""
    k = slabs.depth
    x = _stacked(ctx, x, slabs, name)
    n, count, _, c, h, w = ctx.shape(x)
    x = transpose(ctx, x, (0, 1, 4, 5, 2, 3), ctx.temporary(name, "side by side"))
    x = reshape(ctx, x, (n * count, h, w * k, c), ctx.temporary(name, "images"))
    height, width = flat
    wide = dataclasses.replace(
        width, taps=width.taps * k, stride=width.stride * k, before=width.before * k, after=width.after * k
    )
    y = ctx.emit(AveragePool(window_of((height, wide))), (x,), ctx.temporary(name, "averages"))
    _, oh, ow, _ = ctx.shape(y)
    return reshape(ctx, y, (n, count, oh, ow, c), ctx.temporary(name, "volume"))


def _slabs(ctx: ImportContext, depth: AxisWindow, size: int) -> list[_Slabs]:
    """All outputs along the depth, by how many rows inside the volume they read."""
    ctx.limits.check_moved((depth.outputs(size) * depth.taps,))
    rows = []
    for output in range(depth.outputs(size)):
        start = output * depth.stride - depth.before
        taps = (start + tap * depth.dilation for tap in range(depth.taps))
        rows.append(tuple(row for row in taps if 0 <= row < size))
    return [_Slabs(tuple(group)) for _, group in itertools.groupby(rows, key=len)]


def _stacked(ctx: ImportContext, x: str, slabs: _Slabs, name: str) -> str:
    """The rows that each output reads, `[N, D', K, C, H, W]`, of `[N, C, D, H, W]`."""
    n, c, _, h, w = ctx.shape(x)
    if not slabs.depth:
        raise unsupported("some of its windows lie outside the volume", "use pads smaller than the kernel")
    rows = [row for each in slabs.rows for row in each]
    ctx.limits.check((n, len(rows), c, h, w))
    x = transpose(ctx, x, (0, 2, 1, 3, 4), ctx.temporary(name, "depth first"))
    x = take(ctx, x, 1, rows, ctx.temporary(name, "rows"))
    return reshape(ctx, x, (n, len(slabs.rows), slabs.depth, c, h, w), ctx.temporary(name, "stacked"))


def read_conv_3d(
    ctx: ImportContext,
    node: OnnxNode,
    x: str,
    weights: tuple[Array, str],
    bias: str,
    windows: Sequence[AxisWindow],
) -> None:
    """A convolution of images whose channels are those of all rows of the depth that an output reads.

    Args:
        ctx: the graph under construction.
        node: the node.
        x: `[N, C, D, H, W]`.
        weights: `[M, C / groups, KD, KH, KW]`, and their name.
        bias: the graph's name of `[M]`.
        windows: of its axes.
    """
    depth, *flat = windows
    array, name = weights
    if depth.before or depth.after:
        pads = ((0, 0), (0, 0), (depth.before, depth.after), (0, 0), (0, 0))
        x = ctx.emit(Pad(pads), (x,), ctx.temporary(node.output, "padded"), is_helper=True)
        depth = dataclasses.replace(depth, before=0, after=0)
    (slabs,) = _slabs(ctx, depth, ctx.shape(x)[2])
    groups, k = node.get_int("group", 1), depth.taps
    x = _stacked(ctx, x, slabs, node.output)
    n, count, _, c, h, w = ctx.shape(x)
    if array.shape[1] * groups != c:
        why = f"input channels {c}, weights {array.shape} and {groups} groups do not fit"
        raise Refused("M006", why, "export the model again")
    x = transpose(ctx, x, (0, 1, 4, 5, 3, 2), ctx.temporary(node.output, "channels last"))
    x = reshape(ctx, x, (n * count, h, w, c * k), ctx.temporary(node.output, "images"))
    # `[M, KH, KW, (C / groups) KD]`: channels of the image are those of the volume, each with its rows.
    turned = array.transpose(0, 3, 4, 1, 2).reshape(len(array), *array.shape[3:], -1)
    stored = ctx.store(np.ascontiguousarray(turned), name)
    op = Conv2d(window_of(flat), groups)
    y = ctx.emit(op, (x, stored, bias), ctx.temporary(node.output, "images out"))
    _, oh, ow, m = ctx.shape(y)
    _back(ctx, y, (n, count, oh, ow, m), node.output)


def _back(ctx: ImportContext, y: str, shape: Shape, output: str) -> None:
    """The result as `[N, C, D, H, W]`."""
    y = reshape(ctx, y, shape, ctx.temporary(output, "ndhwc"))
    transpose(ctx, y, _TO_NCDHW, output)


def without_dilation(
    ctx: ImportContext, x: str, windows: Sequence[AxisWindow], output: str
) -> tuple[str, list[AxisWindow]]:
    """A tensor `[N, C, ...]` in which the taps of each window lie side by side, and the windows over it.

    Raises:
        Refused: M004 where taps lie outside.
    """
    plain = []
    for axis, window in enumerate(windows, start=2):
        size = ctx.shape(x)[axis]
        if window.dilation == 1:
            plain.append(window)
            continue
        count = window.outputs(size)
        ctx.limits.check_moved((*ctx.shape(x)[:axis], count * window.taps, *ctx.shape(x)[axis + 1 :]))
        starts = (place * window.stride - window.before for place in range(count))
        taps = [start + tap * window.dilation for start in starts for tap in range(window.taps)]
        inside = [0 <= tap < size for tap in taps]
        before, after = inside.index(True), inside[::-1].index(True)
        if not all(inside[before : len(inside) - after]) or max(before, after) >= window.taps:
            raise unsupported(
                "its padding lies between the taps of a window with dilation",
                "pad before it, or use an average pool without dilation",
            )
        x = take(ctx, x, axis, taps[before : len(taps) - after], ctx.temporary(output, f"taps {axis}"))
        plain.append(AxisWindow(window.taps, window.taps, before, after, 1))
    return x, plain

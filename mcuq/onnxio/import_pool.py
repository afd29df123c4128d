"""Pools and the mean."""

from __future__ import annotations

import math

from mcuq.ir.types import Shape
from mcuq.onnxio.context import ImportContext
from mcuq.onnxio.import_conv import read_window
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.read_inputs import read_axes
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.ops.move import Reshape
from mcuq.ops.pool import AveragePool, MaxPool, Mean
from mcuq.ops.window import Window


def import_max_pool(ctx: ImportContext, node: OnnxNode) -> None:
    """MaxPool; ceil_mode becomes padding, which takes no part in a maximum."""
    x = ctx.activation(node.input(0))
    window = _pool_window(ctx, node, x, ceil_mode=node.get_int("ceil_mode", 0) != 0)
    ctx.emit_spatial(MaxPool(window), x, (), node.output)


def import_average_pool(ctx: ImportContext, node: OnnxNode) -> None:
    """AveragePool; ceil_mode only where padding says the same."""
    x = ctx.activation(node.input(0))
    is_included = node.get_int("count_include_pad", 0) != 0
    window = _pool_window(ctx, node, x, ceil_mode=node.get_int("ceil_mode", 0) != 0)
    if window.dilations != (1, 1):
        raise unsupported(f"its dilations are {window.dilations}", "use an average pool without dilation")
    if is_included and window != _pool_window(ctx, node, x, ceil_mode=False):
        # The extra windows divide by fewer taps than padding would make them.
        raise unsupported("it has ceil_mode and count_include_pad", "set ceil_mode=0 and pad explicitly")
    ctx.emit_spatial(AveragePool(window, is_included), x, (), node.output)


def _pool_window(ctx: ImportContext, node: OnnxNode, x: str, *, ceil_mode: bool) -> Window:
    size = _spatial(ctx.shape(x))
    kernel = node.get_ints("kernel_shape")
    if kernel is None:
        raise Refused("M002", "it has no kernel_shape", "export the model again")
    window = read_window(node, kernel, size, ceil_mode=ceil_mode)
    top, left, bottom, right = window.pads
    for before, after, taps, distance in zip(
        (top, left), (bottom, right), window.kernel, window.dilations, strict=True
    ):
        if max(before, after) > distance * (taps - 1):
            raise unsupported(
                f"pads {window.pads} are not smaller than the kernel {window.kernel}: windows would be empty",
                "use pads smaller than the kernel",
            )
    return window


def _spatial(shape: Shape) -> Shape:
    if len(shape) not in (3, 4):
        raise unsupported(f"its input {shape} has {len(shape)} axes", "use 1-D or 2-D pools")
    return shape[2:]


def _whole(shape: Shape) -> Window:
    size = _spatial(shape)
    return Window((1, size[0]) if len(size) == 1 else (size[0], size[1]))


def import_global_average_pool(ctx: ImportContext, node: OnnxNode) -> None:
    """GlobalAveragePool: a mean over a window of the whole image."""
    x = ctx.activation(node.input(0))
    ctx.emit_spatial(Mean(_whole(ctx.shape(x))), x, (), node.output)


def import_global_max_pool(ctx: ImportContext, node: OnnxNode) -> None:
    """GlobalMaxPool: a max pool over a window of the whole image."""
    x = ctx.activation(node.input(0))
    ctx.emit_spatial(MaxPool(_whole(ctx.shape(x))), x, (), node.output)


def import_reduce_mean(ctx: ImportContext, node: OnnxNode) -> None:
    """ReduceMean over neighbouring axes, attribute (to opset 17) and input form."""
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    axes = read_axes(ctx, node, since=18, rank=len(shape))
    if axes is None:
        axes = () if node.get_int("noop_with_empty_axes", 0) else tuple(range(len(shape)))
    is_kept = node.get_int("keepdims", 1) != 0
    out = tuple(1 if axis in axes else size for axis, size in enumerate(shape) if is_kept or axis not in axes)
    axes = tuple(axis for axis in sorted(axes) if shape[axis] != 1)
    if not axes:
        ctx.emit(Reshape(out), (x,), node.output)
        return
    if len(shape) in (3, 4) and axes[0] >= 2:
        height, width = (shape[axis] if axis in axes else 1 for axis in (len(shape) - 2, len(shape) - 1))
        window = Window((height, width) if len(shape) == 4 else (1, width))
        y = ctx.emit_spatial(Mean(window), x, (), ctx.temporary(node.output, "4d"))
    else:
        y = _mean_in_place(ctx, node, x, shape, axes)
    ctx.reshape(y, out, node.output)


def _mean_in_place(ctx: ImportContext, node: OnnxNode, x: str, shape: Shape, axes: tuple[int, ...]) -> str:
    """The mean as `[1, before, reduced, after]`, whatever the axes mean."""
    first, last = axes[0], axes[-1]
    if any(axis not in axes and shape[axis] != 1 for axis in range(first, last)):
        raise unsupported(
            f"axes {axes} of {shape} are not neighbours", "transpose so that the reduced axes are neighbours"
        )
    reduced = math.prod(shape[first : last + 1])
    x = ctx.reshape(
        x,
        (1, math.prod(shape[:first]), reduced, math.prod(shape[last + 1 :])),
        ctx.temporary(node.output, "in 4d"),
    )
    return ctx.emit(Mean(Window((1, reduced))), (x,), ctx.temporary(node.output, "4d"))

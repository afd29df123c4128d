"""Pools and the mean."""

from __future__ import annotations

import dataclasses

from mcuq.ir.types import Shape
from mcuq.onnxio.context import ImportContext
from mcuq.onnxio.import_conv import read_window
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.ops.pad import Pad
from mcuq.ops.pool import AveragePool, MaxPool, Mean
from mcuq.ops.window import Window


def import_max_pool(ctx: ImportContext, node: OnnxNode) -> None:
    """MaxPool; ceil_mode becomes padding, which takes no part in a maximum."""
    x = ctx.activation(node.input(0))
    window = _pool_window(ctx, node, x, ceil_mode=node.get_int("ceil_mode", 0) != 0)
    ctx.emit_spatial(MaxPool(window), x, (), node.output)


def import_average_pool(ctx: ImportContext, node: OnnxNode) -> None:
    """AveragePool; ceil_mode becomes padding that is not counted."""
    x = ctx.activation(node.input(0))
    is_included = node.get_int("count_include_pad", 0) != 0
    window = _pool_window(ctx, node, x, ceil_mode=node.get_int("ceil_mode", 0) != 0)
    if window.dilations != (1, 1):
        raise unsupported(f"its dilations are {window.dilations}", "use an average pool without dilation")
    counted = _pool_window(ctx, node, x, ceil_mode=False)
    if is_included and window != counted:
        # The padding counts, but not what ceil_mode adds to it: only the latter is left to the pool.
        top, left, bottom, right = counted.pads
        pads: tuple[tuple[int, int], ...] = ((0, 0), (0, 0), (top, bottom), (left, right))
        pads = pads if len(ctx.shape(x)) == 4 else (*pads[:2], pads[3])
        x = ctx.emit(Pad(pads), (x,), ctx.temporary(node.output, "padded"), is_helper=True)
        window = dataclasses.replace(window, pads=(0, 0, window.pads[2] - bottom, window.pads[3] - right))
        is_included = False
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

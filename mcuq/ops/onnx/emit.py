"""Operators of the graph that many readers add: transposes, reshapes, scales and shifts."""

from __future__ import annotations

import numpy as np

from mcuq.ir.expression import Apply, Number, X
from mcuq.ir.op import Op
from mcuq.ir.types import Array, Shape
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.standard import TO_NCHW, TO_NHWC
from mcuq.ops.affine import Affine
from mcuq.ops.move import Reshape, Transpose
from mcuq.ops.table import Table


def transpose(ctx: ImportContext, x: str, perm: tuple[int, ...], output: str) -> str:
    """Add a helper Transpose."""
    return ctx.emit(Transpose(perm), (x,), output, is_helper=True)


def reshape(ctx: ImportContext, x: str, shape: Shape, output: str) -> str:
    """Add a helper Reshape."""
    return ctx.emit(Reshape(shape), (x,), output, is_helper=True)


def emit_spatial(ctx: ImportContext, op: Op, x: str, constants: tuple[str, ...], output: str) -> str:
    """Add an NHWC operator on a tensor `[N, C, H, W]`, or on `[N, C, L]` with height 1."""
    shape = ctx.shape(x)
    if len(shape) == 3:
        x = reshape(ctx, x, (*shape[:2], 1, shape[2]), ctx.temporary(output, "in 4d"))
    x = transpose(ctx, x, TO_NHWC, ctx.temporary(output, "in nhwc"))
    y = ctx.emit(op, (x, *constants), ctx.temporary(output, "nhwc"))
    if len(shape) == 4:
        return transpose(ctx, y, TO_NCHW, output)
    y = transpose(ctx, y, TO_NCHW, ctx.temporary(output, "4d"))
    n, c, _, length = ctx.shape(y)
    return reshape(ctx, y, (n, c, length), output)


def emit_affine(
    ctx: ImportContext, x: str, axis: int, a: Array, b: Array, output: str, *, is_helper: bool = False
) -> str:
    """Add `x a + b`, which passes fold into the layers around it.

    The constants stay in float64 until the last pass rounds what they were folded into.

    Args:
        ctx: the graph under construction.
        x: a tensor.
        axis: the axis along which the constants differ.
        a: one factor per index of the axis.
        b: one summand per index of the axis.
        output: the name of the result.
        is_helper: whether the operator only serves another one.
    """
    scale = ctx.store(np.asarray(a, np.float64), f"{output} [scale]")
    shift = ctx.store(np.asarray(b, np.float64), f"{output} [shift]")
    return ctx.emit(Affine(axis), (x, scale, shift), output, is_helper=is_helper)


def emit_uniform(
    ctx: ImportContext, x: str, a: float, b: float, output: str, *, is_helper: bool = False
) -> str:
    """Add `x a + b` for one a and one b."""
    shape = ctx.shape(x)
    if not shape:
        function = Apply("add", (Apply("mul", (X, Number(a))), Number(b)))
        return ctx.emit(Table(function), (x,), output, is_helper=is_helper)
    axis = 1 if len(shape) > 2 else len(shape) - 1
    channels = shape[axis]
    return emit_affine(ctx, x, axis, np.full(channels, a), np.full(channels, b), output, is_helper=is_helper)

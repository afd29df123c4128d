"""Scale and shift by constants, as importers add them; passes fold them into the layers around them."""

from __future__ import annotations

import numpy as np

from mcuq.ir.expression import Apply, Number, X
from mcuq.ir.types import Array
from mcuq.onnxio.context import ImportContext
from mcuq.ops.affine import Affine
from mcuq.ops.table import Table


def emit_affine(
    ctx: ImportContext, x: str, axis: int, a: Array, b: Array, output: str, *, is_helper: bool = False
) -> str:
    """Add `x a + b`; the constants stay in float64 until the last pass rounds what they were folded into.

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

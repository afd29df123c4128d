"""Functions of two operands of which one is a constant of few different numbers: a table for each number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mcuq.ir.expression import Expression
from mcuq.ir.types import Float64, Shape, elem_count
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.refusal import unsupported
from mcuq.ops.arithmetic import broadcast_shape
from mcuq.ops.move import Concat, Reshape
from mcuq.ops.onnx.emit import reshape
from mcuq.ops.onnx.resize import take_axes
from mcuq.ops.onnx.slice import take
from mcuq.ops.table import Table

# Each is a table of 256 bytes.
_MAX_NUMBERS = 16


def emit_by_value(
    ctx: ImportContext, x: str, constant: Float64, function: Callable[[float], Expression], output: str
) -> None:
    """Add `f(x, c)` with broadcasting.

    Args:
        ctx: the graph under construction.
        x: a tensor.
        constant: c.
        function: f of one variable for a number c.
        output: the name of the result.

    Raises:
        Refused: M004 where c has too many different numbers.
    """
    shape = broadcast_shape(ctx.shape(x), constant.shape)
    ctx.limits.check_moved(shape)
    numbers = np.unique(constant)
    if len(numbers) > _MAX_NUMBERS:
        raise unsupported(
            f"its constant has {len(numbers)} different numbers, built are up to {_MAX_NUMBERS}",
            "use fewer numbers",
        )
    x = _expanded(ctx, x, shape, output)
    if len(numbers) == 1:
        ctx.emit(Table(function(float(numbers[0]))), (x,), output)
        return
    aligned = constant.reshape((1,) * (len(shape) - constant.ndim) + constant.shape)
    varying = [axis for axis, size in enumerate(aligned.shape) if size > 1]
    axis, row = (
        (varying[0], aligned.reshape(-1)) if len(varying) == 1 else (0, np.broadcast_to(aligned, shape))
    )
    if len(varying) > 1:
        ctx.limits.check_moved((elem_count(shape),))
        x = reshape(ctx, x, (elem_count(shape),), ctx.temporary(output, "row"))
        row = row.reshape(-1)
    parts, order = [], []
    for number in numbers:
        chosen = [int(index) for index in np.flatnonzero(row == number)]
        part = take(ctx, x, axis, chosen, ctx.temporary(output, f"of {number:g}"))
        name = ctx.temporary(output, f"for {number:g}")
        parts.append(ctx.emit(Table(function(float(number))), (part,), name, is_helper=True))
        order += chosen
    joined = ctx.emit(Concat(axis), tuple(parts), ctx.temporary(output, "joined"), is_helper=True)
    back = [int(index) for index in np.argsort(order)]
    y = take(ctx, joined, axis, back, ctx.temporary(output, "in order"))
    ctx.emit(Reshape(shape), (y,), output)


def _expanded(ctx: ImportContext, x: str, shape: Shape, output: str) -> str:
    """X in the common shape."""
    old = (1,) * (len(shape) - len(ctx.shape(x))) + ctx.shape(x)
    if old == shape == ctx.shape(x):
        return x
    x = reshape(ctx, x, old, ctx.temporary(output, "in"))
    maps = {axis: (0,) * size for axis, size in enumerate(shape) if size != old[axis]}
    expanded = ctx.temporary(output, "expanded")
    take_axes(ctx, x, maps, expanded)
    return expanded

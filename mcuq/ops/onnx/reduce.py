"""Operators that reduce axes: means, sums, norms and maxima, all pools over a window."""

from __future__ import annotations

import math

from mcuq.ir.expression import Expression, X
from mcuq.ir.types import Shape
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import AVERAGING, TAKING
from mcuq.onnxio.importers.forms import IntegerForm
from mcuq.onnxio.importers.parameters import read_axes
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import unsupported
from mcuq.onnxio.standard import MICROSOFT, TO_NHWC
from mcuq.ops.arithmetic import Add
from mcuq.ops.move import Reshape
from mcuq.ops.onnx.emit import emit_spatial, emit_uniform, reshape, transpose
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.functions import apply
from mcuq.ops.pool import MaxPool, Mean
from mcuq.ops.table import Table
from mcuq.ops.window import Window


def read_reduce_mean(ctx: ImportContext, node: OnnxNode) -> None:
    """ReduceMean over any axes, attribute (to opset 17) and input form."""
    _reduce(ctx, node, Mean, _axes(ctx, node, since=18), node.output)


def read_reduce_max(ctx: ImportContext, node: OnnxNode) -> None:
    """ReduceMax over any axes, attribute (to opset 17) and input form."""
    _reduce(ctx, node, MaxPool, _axes(ctx, node, since=18), node.output)


def read_reduce_min(ctx: ImportContext, node: OnnxNode) -> None:
    """ReduceMin over any axes, attribute (to opset 17) and input form: ReduceMax of the negated input."""
    x, axes = ctx.activation(node.input(0)), _axes(ctx, node, since=18)
    negated = emit_uniform(ctx, x, -1.0, 0.0, ctx.temporary(node.output, "negated"), is_helper=True)
    most = _reduce(ctx, node, MaxPool, axes, ctx.temporary(node.output, "largest"), negated)
    emit_uniform(ctx, most, -1.0, 0.0, node.output)


def read_reduce_log_sum(ctx: ImportContext, node: OnnxNode) -> None:
    """ReduceLogSum over any axes: the logarithm of a mean, scaled."""
    mean, count = _mean_of(ctx, node, None)
    ctx.emit(Table(apply("log", apply("mul", X, count))), (mean,), node.output)


def read_reduce_log_sum_exp(ctx: ImportContext, node: OnnxNode) -> None:
    """ReduceLogSumExp over any axes: `m + log(sum of exp(x - m))` with the largest value m."""
    axes = _reduced(ctx, node)
    x, names = ctx.activation(node.input(0)), [ctx.temporary(node.output, n) for n in ("largest", "rest")]
    shape = ctx.shape(x)
    most = _reduce(ctx, node, MaxPool, axes, names[0], is_kept=True)
    rest = ctx.emit(Add(is_subtraction=True), (x, most), names[1], is_helper=True)
    powers = ctx.emit(Table(apply("exp", X)), (rest,), ctx.temporary(node.output, "exp"), is_helper=True)
    mean = _reduce(ctx, node, Mean, axes, ctx.temporary(node.output, "mean"), powers, is_kept=True)
    count = float(math.prod(shape[axis] for axis in axes))
    name = ctx.temporary(node.output, "log")
    # The largest value itself adds 1: what is less comes from rounding.
    function = apply("log", apply("max", apply("mul", X, count), 1))
    log = ctx.emit(Table(function), (mean,), name, is_helper=True)
    y = ctx.emit(Add(), (log, most), ctx.temporary(node.output, "sum"), is_helper=True)
    ctx.emit(Reshape(_left(ctx, node, shape, axes)), (y,), node.output)


def read_reduce_sum(ctx: ImportContext, node: OnnxNode) -> None:
    """ReduceSum over any axes, attribute (to opset 12) and input form: a mean, scaled."""
    axes = _axes(ctx, node, since=13)
    mean = _reduce(ctx, node, Mean, axes, ctx.temporary(node.output, "mean"))
    shape = ctx.shape(node.input(0) or "")
    emit_uniform(ctx, mean, float(math.prod(shape[axis] for axis in axes)), 0.0, node.output)


def read_reduce_l1(ctx: ImportContext, node: OnnxNode) -> None:
    """ReduceL1 over any axes: a mean of magnitudes, scaled."""
    mean, count = _mean_of(ctx, node, apply("abs", X))
    emit_uniform(ctx, mean, count, 0.0, node.output)


def read_reduce_l2(ctx: ImportContext, node: OnnxNode) -> None:
    """ReduceL2 over any axes: the square root of a mean of squares, scaled."""
    mean, count = _mean_of(ctx, node, apply("mul", X, X))
    # A mean of squares has codes below zero where its scheme is symmetric, though no values.
    ctx.emit(Table(apply("sqrt", apply("max", apply("mul", X, count), 0))), (mean,), node.output)


def read_reduce_sum_square(ctx: ImportContext, node: OnnxNode) -> None:
    """ReduceSumSquare over any axes: a mean of squares, scaled."""
    mean, count = _mean_of(ctx, node, apply("mul", X, X))
    emit_uniform(ctx, mean, count, 0.0, node.output)


def _mean_of(ctx: ImportContext, node: OnnxNode, function: Expression | None) -> tuple[str, float]:
    """The mean of a function of all elements along the reduced axes, and of how many."""
    axes = _reduced(ctx, node)
    x = ctx.activation(node.input(0))
    values = x
    if function is not None:
        values = ctx.emit(Table(function), (x,), ctx.temporary(node.output, "values"), is_helper=True)
    mean = _reduce(ctx, node, Mean, axes, ctx.temporary(node.output, "mean"), values)
    return mean, float(math.prod(ctx.shape(x)[axis] for axis in axes))


def _reduced(ctx: ImportContext, node: OnnxNode) -> tuple[int, ...]:
    """The reduced axes, of which there has to be one."""
    axes = _axes(ctx, node, since=18)
    if not axes:
        raise unsupported("it reduces no axes (noop_with_empty_axes)", "name the axes, or leave it out")
    return axes


def _axes(ctx: ImportContext, node: OnnxNode, *, since: int) -> tuple[int, ...]:
    """The reduced axes, sorted."""
    rank = len(ctx.shape(ctx.activation(node.input(0))))
    axes = read_axes(ctx, node, since=since, rank=rank)
    if axes is None:
        axes = () if node.get_int("noop_with_empty_axes", 0) else tuple(range(rank))
    return tuple(sorted(axes))


def _left(ctx: ImportContext, node: OnnxNode, shape: Shape, axes: tuple[int, ...]) -> Shape:
    """The shape of the node's result."""
    is_kept = node.get_int("keepdims", 1) != 0
    return tuple(
        1 if axis in axes else size for axis, size in enumerate(shape) if is_kept or axis not in axes
    )


def _reduce(
    ctx: ImportContext,
    node: OnnxNode,
    kind: type[Mean] | type[MaxPool],
    axes: tuple[int, ...],
    output: str,
    values: str | None = None,
    *,
    is_kept: bool = False,
) -> str:
    """Reduce axes by a pool whose window covers them; `is_kept` leaves them with size 1 in any case."""
    x = ctx.activation(node.input(0)) if values is None else values
    shape = ctx.shape(x)
    out = _left(ctx, node, shape, axes)
    if is_kept:
        out = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    axes = tuple(axis for axis in axes if shape[axis] != 1)
    if not axes:
        return ctx.emit(Reshape(out), (x,), output)
    if len(shape) in (3, 4) and axes[0] >= 2:
        height, width = (shape[axis] if axis in axes else 1 for axis in (len(shape) - 2, len(shape) - 1))
        window = Window((height, width) if len(shape) == 4 else (1, width))
        y = emit_spatial(ctx, kind(window), x, (), ctx.temporary(output, "4d"))
        return reshape(ctx, y, out, output)
    if len(shape) == 4 and axes[-3:] == (1, 2, 3):
        # The order of what is reduced does not matter: take the one that layers compute.
        x = transpose(ctx, x, TO_NHWC, ctx.temporary(output, "in nhwc"))
    x, count = as_rows(ctx, x, axes, output)
    y = ctx.emit(kind(Window((1, count))), (x,), ctx.temporary(output, "4d"))
    return reshape(ctx, y, out, output)


def as_rows(ctx: ImportContext, x: str, axes: tuple[int, ...], output: str) -> tuple[str, int]:
    """Add what makes some axes the columns of one image, those before them its rows, the others its channels.

    Args:
        ctx: the graph under construction.
        x: a tensor.
        axes: of it, sorted.
        output: what names are made of.

    Returns:
        The image `[1, rows, columns, channels]`, and the number of its columns.
    """
    shape = ctx.shape(x)
    axes = tuple(axis for axis in axes if shape[axis] != 1) or axes[:1]
    first, last = axes[0], axes[-1]
    if any(axis not in axes and shape[axis] != 1 for axis in range(first, last)):
        # Bring the reduced axes together, behind the others.
        kept = tuple(axis for axis in range(len(shape)) if axis not in axes)
        x = transpose(ctx, x, (*kept, *axes), ctx.temporary(output, "in"))
        shape, first, last = ctx.shape(x), len(kept), len(shape) - 1
    before, reduced, after = shape[:first], shape[first : last + 1], shape[last + 1 :]
    image = (1, math.prod(before), math.prod(reduced), math.prod(after))
    return reshape(ctx, x, image, ctx.temporary(output, "in 4d")), image[2]


FAMILY = Family(
    readers=(
        Reader(read_reduce_l1, ("ReduceL1",)),
        Reader(read_reduce_l2, ("ReduceL2",)),
        Reader(read_reduce_log_sum, ("ReduceLogSum",)),
        Reader(read_reduce_log_sum_exp, ("ReduceLogSumExp",)),
        Reader(read_reduce_max, ("ReduceMax",), TAKING),
        Reader(read_reduce_mean, ("ReduceMean",), AVERAGING),
        Reader(read_reduce_min, ("ReduceMin",), TAKING),
        Reader(read_reduce_sum, ("ReduceSum",)),
        Reader(read_reduce_sum_square, ("ReduceSumSquare",)),
    ),
    integer_forms=(
        IntegerForm(
            f"{MICROSOFT}.QLinearReduceMean",
            "ReduceMean",
            (0,),
            3,
            ("axes", "keepdims"),
            inputs_since={"axes": 18},
        ),
    ),
)

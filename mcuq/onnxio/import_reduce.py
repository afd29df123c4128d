"""Operators that reduce axes: ReduceMean, ReduceSum, ReduceMax, ArgMax."""

from __future__ import annotations

import math

from mcuq.ir.types import Shape
from mcuq.onnxio.context import TO_NHWC, ImportContext
from mcuq.onnxio.emit_affine import emit_uniform
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.read_inputs import normalize_axis, read_axes
from mcuq.onnxio.refusal import unsupported
from mcuq.ops.argmax import ArgMax
from mcuq.ops.move import Reshape
from mcuq.ops.pool import MaxPool, Mean
from mcuq.ops.window import Window


def import_reduce_mean(ctx: ImportContext, node: OnnxNode) -> None:
    """ReduceMean over any axes, attribute (to opset 17) and input form."""
    _reduce(ctx, node, Mean, _axes(ctx, node, since=18), node.output)


def import_reduce_max(ctx: ImportContext, node: OnnxNode) -> None:
    """ReduceMax over any axes, attribute (to opset 17) and input form."""
    _reduce(ctx, node, MaxPool, _axes(ctx, node, since=18), node.output)


def import_reduce_sum(ctx: ImportContext, node: OnnxNode) -> None:
    """ReduceSum over any axes, attribute (to opset 12) and input form: a mean, scaled."""
    axes = _axes(ctx, node, since=13)
    mean = _reduce(ctx, node, Mean, axes, ctx.temporary(node.output, "mean"))
    shape = ctx.shape(node.input(0) or "")
    emit_uniform(ctx, mean, float(math.prod(shape[axis] for axis in axes)), 0.0, node.output)


def import_arg_max(ctx: ImportContext, node: OnnxNode) -> None:
    """ArgMax along any axis, the first of equal values; its indices can only be an output of the model."""
    x = ctx.activation(node.input(0))
    if node.get_int("select_last_index", 0):
        raise unsupported("it has select_last_index=1", "take the first of equal values")
    shape = ctx.shape(x)
    axis = normalize_axis(node.get_int("axis", 0), len(shape))
    perm = (*(other for other in range(len(shape)) if other != axis), axis)
    if axis != len(shape) - 1:
        x = ctx.transpose(x, perm, ctx.temporary(node.output, "in"))
    y = ctx.emit(ArgMax(), (x,), ctx.temporary(node.output, "last"))
    kept = (*shape[:axis], 1, *shape[axis + 1 :])
    # The reduced axis has size 1: to move it is to reshape.
    ctx.reshape(y, kept if node.get_int("keepdims", 1) else _without(shape, axis), node.output)
    ctx.indices.add(node.output)


def _without(shape: Shape, axis: int) -> Shape:
    return (*shape[:axis], *shape[axis + 1 :])


def _axes(ctx: ImportContext, node: OnnxNode, *, since: int) -> tuple[int, ...]:
    """The reduced axes, sorted."""
    rank = len(ctx.shape(ctx.activation(node.input(0))))
    axes = read_axes(ctx, node, since=since, rank=rank)
    if axes is None:
        axes = () if node.get_int("noop_with_empty_axes", 0) else tuple(range(rank))
    return tuple(sorted(axes))


def _reduce(
    ctx: ImportContext, node: OnnxNode, kind: type[Mean] | type[MaxPool], axes: tuple[int, ...], output: str
) -> str:
    """Reduce axes by a pool whose window covers them."""
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    is_kept = node.get_int("keepdims", 1) != 0
    out = tuple(1 if axis in axes else size for axis, size in enumerate(shape) if is_kept or axis not in axes)
    axes = tuple(axis for axis in axes if shape[axis] != 1)
    if not axes:
        return ctx.emit(Reshape(out), (x,), output)
    if len(shape) in (3, 4) and axes[0] >= 2:
        height, width = (shape[axis] if axis in axes else 1 for axis in (len(shape) - 2, len(shape) - 1))
        window = Window((height, width) if len(shape) == 4 else (1, width))
        y = ctx.emit_spatial(kind(window), x, (), ctx.temporary(output, "4d"))
        return ctx.reshape(y, out, output)
    if len(shape) == 4 and axes[-3:] == (1, 2, 3):
        # The order of what is reduced does not matter: take the one that layers compute.
        x = ctx.transpose(x, TO_NHWC, ctx.temporary(output, "in nhwc"))
        shape = ctx.shape(x)
    first, last = axes[0], axes[-1]
    if any(axis not in axes and shape[axis] != 1 for axis in range(first, last)):
        # Bring the reduced axes together, behind the others.
        kept = tuple(axis for axis in range(len(shape)) if axis not in axes)
        x = ctx.transpose(x, (*kept, *axes), ctx.temporary(output, "in"))
        shape, first, last = ctx.shape(x), len(kept), len(shape) - 1
    before, reduced, after = shape[:first], shape[first : last + 1], shape[last + 1 :]
    image = (1, math.prod(before), math.prod(reduced), math.prod(after))
    x = ctx.reshape(x, image, ctx.temporary(output, "in 4d"))
    y = ctx.emit(kind(Window((1, image[2]))), (x,), ctx.temporary(output, "4d"))
    return ctx.reshape(y, out, output)

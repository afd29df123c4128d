"""Operators that pick values along axes: in another order, some of them, or several times."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from mcuq.ir.types import MAX_TENSOR_ELEMS
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.ops.move import Reshape
from mcuq.ops.onnx.emit import reshape
from mcuq.ops.onnx.slice import slice_axes, take
from mcuq.ops.tflite.constants import constant_axes, constant_integers, note_integers
from mcuq.ops.tflite.emit import emit_as_onnx
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.reader import Codes, TfliteReader
from mcuq.tflite.schema import enum_names
from mcuq.tflite.tensor import CONVERT_AGAIN

_MOST_INDICES = 1 << 16


def read_gather(ctx: TfliteContext, node: TfliteNode) -> None:
    """Values at constant indices of one axis."""
    options, x = "GatherOptions", node.input(0)
    axis, rank = node.integer(options, "Axis"), len(x.shape)
    if node.integer(options, "BatchDims"):
        raise unsupported("it gathers in batches", "use one list of indices for all")
    if x.is_constant:
        raise unsupported("it looks a constant up", "look it up in the application")
    if not -rank <= axis < rank:
        raise Refused("M002", f"its axis is {axis} of {rank}", CONVERT_AGAIN)
    axis, chosen = axis % rank, node.input(1)
    indices = constant_integers(ctx, chosen, "indices", _MOST_INDICES)
    if not all(0 <= index < x.shape[axis] for index in indices):
        raise Refused("M006", f"its indices leave axis {axis} of {x.shape}", CONVERT_AGAIN)
    taken = take(ctx, ctx.x(x), axis, indices, ctx.temporary(node.output.name, "taken"))
    reshape(ctx, taken, (*x.shape[:axis], *chosen.shape, *x.shape[axis + 1 :]), node.output.name)


def read_reverse(ctx: TfliteContext, node: TfliteNode) -> None:
    """The order of one or several axes turned round."""
    shape = node.input(0).shape
    ctx.limits.check_moved(shape)
    _take_axes(ctx, node, {axis: range(shape[axis] - 1, -1, -1) for axis in constant_axes(ctx, node, 1)})


def read_mirror_pad(ctx: TfliteContext, node: TfliteNode) -> None:
    """A border of what lies behind the edge, with the edge (SYMMETRIC) or without it (REFLECT)."""
    shape, flat = node.input(0).shape, constant_integers(ctx, node.input(1), "widths")
    mode = enum_names("MirrorPadMode").get(node.integer("MirrorPadOptions", "Mode"))
    edge = {"REFLECT": 1, "SYMMETRIC": 0}.get(mode or "")
    if edge is None or len(flat) != 2 * len(shape):
        raise Refused("M002", f"its mode is {mode}, its widths {flat} for {len(shape)} axes", CONVERT_AGAIN)
    ctx.limits.check_moved(shape)
    maps = {}
    for axis, size in enumerate(shape):
        before, after = flat[2 * axis : 2 * axis + 2]
        if not 0 <= min(before, after) <= max(before, after) <= size - edge:
            raise Refused("M006", f"a border of {before} and {after} for {size} values", CONVERT_AGAIN)
        first = range(before - 1 + edge, edge - 1, -1)
        last = range(size - 1 - edge, size - 1 - edge - after, -1)
        maps[axis] = [*first, *range(size), *last]
    _take_axes(ctx, node, maps)


def _take_axes(ctx: TfliteContext, node: TfliteNode, maps: Mapping[int, Sequence[int]]) -> None:
    name, shape, y = ctx.x(node.input(0)), node.input(0).shape, node.output.name
    for axis, indices in maps.items():
        if list(indices) != list(range(shape[axis])):
            name = take(ctx, name, axis, indices, ctx.temporary(y, f"axis {axis}"))
    ctx.emit(Reshape(ctx.shape(name)), (name,), y, is_helper=True)


def read_repeat(ctx: TfliteContext, node: TfliteNode) -> None:
    """Values repeated to a constant shape, or a constant number of times."""
    role, kind = {"BROADCAST_TO": ("shape", "Expand"), "TILE": ("repeats", "Tile")}[node.kind]
    counts = constant_integers(ctx, node.input(1), role)
    if min(counts, default=1) < 1 or math.prod(counts) > MAX_TENSOR_ELEMS:
        raise Refused("M006", f"its {role} is {counts}", CONVERT_AGAIN)
    y = node.output.name
    emit_as_onnx(ctx, kind, (ctx.x(node.input(0)), note_integers(ctx, y, role, tuple(counts))), y)


def read_unpack(ctx: TfliteContext, node: TfliteNode) -> None:
    """Parts of size 1 along one axis, without it."""
    x, axis = node.input(0), node.integer("UnpackOptions", "Axis")
    rank = len(x.shape)
    if not -rank <= axis < rank or x.shape[axis] != len(node.outputs):
        raise Refused("M006", f"{len(node.outputs)} parts along axis {axis} of {x.shape}", CONVERT_AGAIN)
    axis, name = axis % rank, ctx.x(x)
    for index, output in enumerate(node.outputs):
        part = slice_axes(ctx, name, {axis: (index, index + 1, 1)}, ctx.temporary(output.name, "part"))
        reshape(ctx, part, (*x.shape[:axis], *x.shape[axis + 1 :]), output.name)


FAMILY = (
    TfliteReader(read_gather, ("GATHER",), Codes.MOVED),
    TfliteReader(read_mirror_pad, ("MIRROR_PAD",), Codes.MOVED),
    TfliteReader(read_repeat, ("BROADCAST_TO", "TILE"), Codes.MOVED),
    TfliteReader(read_reverse, ("REVERSE_V2",), Codes.MOVED),
    TfliteReader(read_unpack, ("UNPACK",), Codes.MOVED),
)

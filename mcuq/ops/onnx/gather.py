"""Operators that take or place single values by constant indices: gathers of a tensor seen as one row."""

from __future__ import annotations

import math

import numpy as np

from mcuq.ir.types import Array, Int64, Shape, elem_count
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import TAKING
from mcuq.onnxio.importers.parameters import normalize_axes, normalize_axis, read_ints, read_scalar
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode, fresh_node
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.ops.move import Concat
from mcuq.ops.onnx.arithmetic import read_add, read_max, read_min, read_mul
from mcuq.ops.onnx.emit import reshape
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.slice import slice_axes, take
from mcuq.ops.pad import Pad

# A value that is updated more often costs a gather and a scatter for every time.
_MAX_ROUNDS = 8
_REDUCTIONS = {"add": read_add, "mul": read_mul, "max": read_max, "min": read_min}


def emit_gather(ctx: ImportContext, x: str, source: Int64, output: str) -> str:
    """Add a tensor whose values are those of x at given places.

    Args:
        ctx: the graph under construction.
        x: a tensor, or a constant of the graph, which is gathered now.
        source: for each value its place in x seen as one row, in the shape of the result.
        output: the name of the result.
    """
    size, shape = elem_count(ctx.shape(x)), source.shape
    if source.size == 0:
        raise Refused("M006", f"its output has shape {shape}: it is empty", "export the model again")
    if x in ctx.graph_constants:
        return ctx.store(ctx.graph_constants[x].reshape(-1)[source], output)
    block = _block(source, size)
    rows = [int(place) // block for place in source.reshape(-1)[::block]]
    ctx.limits.check_moved((size // block, block))
    ctx.limits.check_moved((len(rows), block))
    flat = reshape(ctx, x, (size // block, block), ctx.temporary(output, "rows"))
    taken = take(ctx, flat, 0, rows, ctx.temporary(output, "taken"))
    return reshape(ctx, taken, shape, output)


def _block(source: Int64, size: int) -> int:
    """How many neighbours are always taken together: those of the last axes of the result."""
    for axis in range(source.ndim):
        block = math.prod(source.shape[axis:])
        runs = source.reshape(-1, block)
        is_aligned = size % block == 0 and not (runs[:, 0] % block).any()
        if is_aligned and np.array_equal(runs, runs[:, :1] + np.arange(block)):
            return block
    return 1


def _places(ctx: ImportContext, x: str) -> Int64:
    """The place of every value of a tensor, in its shape."""
    shape = ctx.shape(x)
    ctx.limits.check(shape)
    return np.arange(elem_count(shape)).reshape(shape)


def _indices(ctx: ImportContext, node: OnnxNode) -> Int64:
    array = ctx.constant(node.input(1) or "", "indices")
    if array.dtype.kind not in "iu":
        raise Refused("M002", f"its indices have type {array.dtype}", "export the model again")
    ctx.budget.take(array.size)
    return array.astype(np.int64)


def _wrapped(indices: Int64, sizes: Shape) -> Int64:
    """Indices counted from the front; the last axis of `indices` or all of it belongs to the sizes."""
    limits = np.array(sizes, np.int64)
    if ((indices < -limits) | (indices >= limits)).any():
        raise Refused("M006", f"its indices leave axes of sizes {sizes}", "export the model again")
    return np.where(indices < 0, indices + limits, indices)


def read_gather_elements(ctx: ImportContext, node: OnnxNode) -> None:
    """GatherElements with constant indices."""
    x = ctx.activation(node.input(0))
    indices, axis = _element_indices(ctx, node, ctx.shape(x))
    emit_gather(ctx, x, _at_elements(_places(ctx, x), indices, axis), node.output)


def _element_indices(ctx: ImportContext, node: OnnxNode, shape: Shape) -> tuple[Int64, int]:
    """Indices of single elements along an axis, and which."""
    axis, indices = normalize_axis(node.get_int("axis", 0), len(shape)), _indices(ctx, node)
    others = [a for a in range(len(shape)) if a != axis]
    if indices.ndim != len(shape) or any(indices.shape[a] > shape[a] for a in others):
        raise Refused("M006", f"indices {indices.shape} do not fit {shape}", "export the model again")
    return _wrapped(indices, (shape[axis],)), axis


def _at_elements(places: Int64, indices: Int64, axis: int) -> Int64:
    part = tuple(slice(None) if a == axis else slice(size) for a, size in enumerate(indices.shape))
    return np.take_along_axis(places[part], indices, axis)


def read_gather_nd(ctx: ImportContext, node: OnnxNode) -> None:
    """GatherND with constant indices."""
    x = ctx.activation(node.input(0))
    places, batch = _at_slices(ctx, x, _indices(ctx, node), node.get_int("batch_dims", 0))
    emit_gather(ctx, x, places.reshape(batch), node.output)


def _at_slices(ctx: ImportContext, x: str, indices: Int64, batch_dims: int) -> tuple[Int64, Shape]:
    """The places that tuples of indices name, `[B, n, ...]`, and the shape of the result."""
    shape = ctx.shape(x)
    depth = indices.shape[-1] if indices.ndim else 0
    is_batch = 0 <= batch_dims < indices.ndim and indices.shape[:batch_dims] == shape[:batch_dims]
    if not is_batch or not 0 < depth <= len(shape) - batch_dims:
        raise Refused(
            "M006",
            f"indices {indices.shape} with {batch_dims} axes of a batch do not fit {shape}",
            "export again",
        )
    rest = shape[batch_dims + depth :]
    out = (*indices.shape[:-1], *rest)
    ctx.limits.check(out)
    found = _wrapped(indices, shape[batch_dims : batch_dims + depth])
    count = math.prod(shape[:batch_dims])
    table = _places(ctx, x).reshape(count, *shape[batch_dims:])
    tuples = found.reshape(count, math.prod(indices.shape[batch_dims:-1]), depth)
    return table[(np.arange(count)[:, None], *np.moveaxis(tuples, -1, 0))], out


def read_reverse_sequence(ctx: ImportContext, node: OnnxNode) -> None:
    """ReverseSequence of constant lengths."""
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    time, batch = (
        normalize_axis(node.get_int(f"{n}_axis", d), len(shape)) for n, d in (("time", 0), ("batch", 1))
    )
    lengths = read_ints(ctx, node.input(1) or "", "sequence_lens")
    if time == batch or len(lengths) != shape[batch]:
        raise Refused("M006", f"lengths {lengths} do not fit {shape}", "export the model again")
    if not all(0 <= length <= shape[time] for length in lengths):
        raise Refused("M006", f"lengths {lengths} leave {shape[time]} elements", "export the model again")
    source = np.moveaxis(_places(ctx, x), (batch, time), (0, 1)).copy()
    for row, length in zip(source, lengths, strict=True):
        row[:length] = row[:length][::-1].copy()
    emit_gather(ctx, x, np.ascontiguousarray(np.moveaxis(source, (0, 1), (batch, time))), node.output)


def read_compress(ctx: ImportContext, node: OnnxNode) -> None:
    """Compress by a constant condition."""
    x = ctx.activation(node.input(0))
    condition = ctx.constant(node.input(1) or "", "condition")
    if condition.dtype.kind != "b" or condition.ndim != 1:
        raise Refused("M002", f"its condition has type {condition.dtype}", "export the model again")
    if not node.has("axis"):
        x = reshape(ctx, x, (elem_count(ctx.shape(x)),), ctx.temporary(node.output, "row"))
    shape = ctx.shape(x)
    axis = normalize_axis(node.get_int("axis", 0), len(shape))
    chosen = [int(index) for index in np.flatnonzero(condition)]
    if chosen and chosen[-1] >= shape[axis]:
        raise Refused("M006", f"its condition names {chosen[-1]} of {shape}", "export the model again")
    take(ctx, x, axis, chosen, node.output)


def read_scatter_elements(ctx: ImportContext, node: OnnxNode) -> None:
    """ScatterElements with constant indices, with every reduction."""
    x = ctx.operand(node.input(0))
    indices, axis = _element_indices(ctx, node, ctx.shape(x))
    _scatter(ctx, node, x, _at_elements(_places(ctx, x), indices, axis))


def read_scatter_nd(ctx: ImportContext, node: OnnxNode) -> None:
    """ScatterND with constant indices, with every reduction."""
    x = ctx.operand(node.input(0))
    indices = _indices(ctx, node)
    places, shape = _at_slices(ctx, x, indices, 0)
    _scatter(ctx, node, x, places.reshape(shape))


def _scatter(ctx: ImportContext, node: OnnxNode, x: str, places: Int64) -> None:
    """Place updates, of which several may meet in one value."""
    updates, reduction = ctx.operand(node.input(2)), node.get_string("reduction", "none")
    shape = ctx.shape(x)
    if ctx.shape(updates) != places.shape:
        why = f"updates {ctx.shape(updates)} and indices for {places.shape} do not fit"
        raise Refused("M006", why, "export the model again")
    if reduction != "none" and reduction not in _REDUCTIONS:
        raise Refused("M002", f"its reduction is '{reduction}'", "export the model again")
    if updates in ctx.graph_constants and x in ctx.graph_constants:
        raise unsupported("its tensors are constants", "fold constants before exporting (onnxsim does)")
    if reduction == "none":
        _emit_scattered(ctx, (x, updates), shape, places.reshape(-1), node.output)
        return
    rounds = _rounds(places.reshape(-1))
    if len(rounds) > _MAX_ROUNDS:
        raise unsupported(
            f"{len(rounds)} of its updates meet in one value, built are up to {_MAX_ROUNDS}",
            "reduce them before",
        )
    for number, chosen in enumerate(rounds, start=1):
        names = [ctx.temporary(node.output, f"{role} {number}") for role in ("old", "update", "new")]
        at = places.reshape(-1)[chosen]
        old, new = emit_gather(ctx, x, at, names[0]), emit_gather(ctx, updates, chosen, names[1])
        _REDUCTIONS[reduction](ctx, fresh_node("Reduction", (old, new), (names[2],)))
        last = node.output if number == len(rounds) else ctx.temporary(node.output, f"round {number}")
        x = _emit_scattered(ctx, (x, names[2]), shape, at, last)


def _rounds(places: Int64) -> list[Int64]:
    """Numbers of updates in groups, in none of which two meet."""
    order = np.argsort(places, kind="stable")
    at = places[order]
    starts = np.flatnonzero(np.concatenate([[True], at[1:] != at[:-1]]))
    number = np.arange(len(at)) - np.repeat(starts, np.diff([*starts, len(at)]))
    turn = np.empty_like(number)
    turn[order] = number
    return [np.flatnonzero(turn == each) for each in range(int(turn.max(initial=0)) + 1)]


def _emit_scattered(ctx: ImportContext, parts: tuple[str, str], shape: Shape, at: Int64, output: str) -> str:
    """Add the first part with the values of the second at some places."""
    sizes = [elem_count(ctx.shape(name)) for name in parts]
    rows = [
        emit_gather(ctx, part, np.arange(size), ctx.temporary(output, "row"))
        for part, size in zip(parts, sizes, strict=True)
    ]
    both = ctx.emit(Concat(0), tuple(rows), ctx.temporary(output, "both"), is_helper=True)
    source = np.arange(sizes[0])
    source[at] = sizes[0] + np.arange(sizes[1])
    return emit_gather(ctx, both, source.reshape(shape), output)


def read_trilu(ctx: ImportContext, node: OnnxNode) -> None:
    """Trilu with a constant diagonal: values of the other triangle are replaced by 0."""
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    if len(shape) < 2:
        raise Refused("M006", f"its input {shape} is no matrix", "export the model again")
    diagonal = int(read_scalar(ctx, node.input(1) or "", "k")) if node.input(1) else 0
    diagonal = min(max(diagonal, -shape[-2]), shape[-1])
    kept = (np.triu if node.get_int("upper", 1) else np.tril)(np.ones(shape[-2:], bool), diagonal)
    if not kept.any():
        raise unsupported("it keeps no value", "leave the operator out")
    zeroed(ctx, x, np.broadcast_to(~kept, shape), node.output)


def zeroed(ctx: ImportContext, x: str, is_zero: Array, output: str) -> str:
    """Add x with 0 where a mask of its shape says so."""
    size = elem_count(ctx.shape(x))
    row = reshape(ctx, x, (size,), ctx.temporary(output, "row"))
    zero = ctx.store(np.zeros(1, np.float32), f"{output} [zero]")
    both = ctx.emit(Concat(0), (row, zero), ctx.temporary(output, "and zero"), is_helper=True)
    return emit_gather(ctx, both, np.where(is_zero, size, _places(ctx, x)), output)


def read_center_crop_pad(ctx: ImportContext, node: OnnxNode) -> None:
    """CenterCropPad to a constant shape: a Slice, and a Pad with zeros."""
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    wanted = read_ints(ctx, node.input(1) or "", "shape")
    axes = normalize_axes(node.get_ints("axes") or tuple(range(len(shape))), len(shape))
    if len(wanted) != len(axes) or min(wanted, default=1) < 1:
        raise Refused("M006", f"sizes {wanted} of axes {axes} do not fit {shape}", "export the model again")
    spans, pads = {}, [(0, 0)] * len(shape)
    for axis, size in zip(axes, wanted, strict=True):
        excess = shape[axis] - size
        if excess > 0:
            spans[axis] = (excess // 2, excess // 2 + size, 1)
        pads[axis] = (max(-excess, 0) // 2, max(-excess, 0) - max(-excess, 0) // 2)
    x = slice_axes(ctx, x, spans, ctx.temporary(node.output, "cropped"))
    ctx.emit(Pad(tuple(pads)), (x,), node.output)


FAMILY = Family(
    readers=(
        Reader(read_center_crop_pad, ("CenterCropPad",)),
        Reader(read_compress, ("Compress",), TAKING),
        Reader(read_gather_elements, ("GatherElements",), TAKING),
        Reader(read_gather_nd, ("GatherND",), TAKING),
        Reader(read_reverse_sequence, ("ReverseSequence",), TAKING),
        Reader(read_scatter_elements, ("Scatter", "ScatterElements")),
        Reader(read_scatter_nd, ("ScatterND",)),
        Reader(read_trilu, ("Trilu",)),
    )
)

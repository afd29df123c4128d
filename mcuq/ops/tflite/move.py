"""Operators that move values: shapes, order of axes, borders, parts and joins."""

from __future__ import annotations

import math

import numpy as np

from mcuq.ir.types import Array, elem_count, freeze
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.ops.move import Concat, Reshape, Transpose
from mcuq.ops.onnx.emit import reshape
from mcuq.ops.onnx.slice import slice_axes, take
from mcuq.ops.pad import Pad
from mcuq.ops.tflite.constants import constant_integers
from mcuq.ops.tflite.emit import activation_of, emit_activation
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.reader import Codes, TfliteReader
from mcuq.tflite.tensor import CONVERT_AGAIN


def read_reshape(ctx: TfliteContext, node: TfliteNode) -> None:
    """Another shape: the one that the file declares for the output."""
    x, y = node.input(0), node.output
    if elem_count(x.shape) != elem_count(y.shape):
        raise Refused("M006", f"{x.shape} does not reshape to {y.shape}", CONVERT_AGAIN)
    if x.name in ctx.values:
        ctx.values[y.name] = freeze(ctx.values[x.name].reshape(y.shape))
        if x.name in ctx.encodings:
            raise unsupported("it reshapes a constant of codes", "fold constants before converting")
        return
    ctx.emit(Reshape(y.shape), (ctx.x(x),), y.name)
    if x.name in ctx.indices:
        ctx.indices.add(y.name)


def read_transpose(ctx: TfliteContext, node: TfliteNode) -> None:
    """Another order of axes."""
    x, perm = node.input(0), constant_integers(ctx, node.input(1), "order")
    if sorted(perm) != list(range(len(x.shape))):
        raise Refused("M002", f"the order is {perm} for {len(x.shape)} axes", CONVERT_AGAIN)
    ctx.emit(Transpose(tuple(perm)), (ctx.x(x),), node.output.name)


def read_pad(ctx: TfliteContext, node: TfliteNode) -> None:
    """A border of zeros, or of one constant number."""
    x, flat = node.input(0), constant_integers(ctx, node.input(1), "widths")
    value = 0.0
    if node.kind == "PADV2":
        border = ctx.constant(node.input(2).name, "value")
        if border.size != 1 or border.dtype.kind != "f":
            raise unsupported(f"its value has shape {border.shape}", "pad with one number")
        value = float(border.reshape(-1)[0])
    if len(flat) != 2 * len(x.shape) or min(flat, default=0) < 0:
        raise Refused("M002", f"the widths are {flat} for {len(x.shape)} axes", CONVERT_AGAIN)
    pads = tuple(zip(flat[::2], flat[1::2], strict=True))
    ctx.emit(Pad(pads, value), (ctx.x(x),), node.output.name)


def read_concatenation(ctx: TfliteContext, node: TfliteNode) -> None:
    """Tensors and constants one behind the other, with a fused activation."""
    options, rank = "ConcatenationOptions", len(node.output.shape)
    axis = node.integer(options, "Axis")
    if not -rank <= axis < rank:
        raise Refused("M002", f"the axis is {axis} of {rank}", CONVERT_AGAIN)
    inputs = []
    for tensor in node.inputs:
        if tensor is None:
            raise Refused("M002", "an input is missing", CONVERT_AGAIN)
        name = ctx.x(tensor)
        if tensor.is_constant and ctx.has_codes:
            ctx.quants[name] = tensor.quant()
        inputs.append(name)
    activation = activation_of(node, options)
    if activation == "NONE":
        ctx.emit(Concat(axis % rank), tuple(inputs), node.output.name)
        return
    whole = ctx.emit(Concat(axis % rank), tuple(inputs), ctx.temporary(node.output.name, "unlimited"))
    if ctx.has_codes:
        ctx.quants[whole] = node.output.quant()
    emit_activation(ctx, whole, activation, node)


def read_slice(ctx: TfliteContext, node: TfliteNode) -> None:
    """A part from a start, of a size."""
    x = node.input(0)
    begin, size = (constant_integers(ctx, node.input(i), role) for i, role in ((1, "start"), (2, "size")))
    if not len(begin) == len(size) == len(x.shape):
        raise Refused("M002", f"start {begin} and size {size} for {len(x.shape)} axes", CONVERT_AGAIN)
    spans = {}
    for axis, (start, count) in enumerate(zip(begin, size, strict=True)):
        stop = x.shape[axis] if count == -1 else start + count
        if not 0 <= start < stop <= x.shape[axis]:
            raise Refused("M006", f"{start} to {stop} of axis {axis} of {x.shape}", CONVERT_AGAIN)
        spans[axis] = (start, stop, 1)
    slice_axes(ctx, ctx.x(x), spans, node.output.name)


def read_strided_slice(ctx: TfliteContext, node: TfliteNode) -> None:
    """A part with steps, as Python slices; axes may be dropped, new ones and the ellipsis are refused."""
    x, options = node.input(0), "StridedSliceOptions"
    begin, end, strides = (
        constant_integers(ctx, node.input(i), role) for i, role in ((1, "start"), (2, "end"), (3, "step"))
    )
    masks = {
        each: node.integer(options, f"{each}Mask")
        for each in ("Begin", "End", "Ellipsis", "NewAxis", "ShrinkAxis")
    }
    if masks["Ellipsis"] or masks["NewAxis"] or node.integer(options, "Offset"):
        raise unsupported("it has an ellipsis, new axes or offsets", "write it as a plain slice")
    if not len(begin) == len(end) == len(strides) <= len(x.shape) or 0 in strides:
        raise Refused("M002", f"start {begin}, end {end}, step {strides} for {x.shape}", CONVERT_AGAIN)
    spans, dropped = {}, []
    for axis, (start, stop, step) in enumerate(zip(begin, end, strides, strict=True)):
        bit, size = 1 << axis, x.shape[axis]
        if masks["ShrinkAxis"] & bit:
            if not -size <= start < size:
                raise Refused("M006", f"index {start} of axis {axis} of {x.shape}", CONVERT_AGAIN)
            spans[axis] = (start % size, start % size + 1, 1)
            dropped.append(axis)
            continue
        found = slice(None if masks["Begin"] & bit else start, None if masks["End"] & bit else stop, step)
        spans[axis] = found.indices(size)
        if not range(*spans[axis]):
            raise Refused("M006", f"it keeps nothing of axis {axis} of {x.shape}", CONVERT_AGAIN)
    if x.name in ctx.values:
        array = ctx.values[x.name]
        for axis, span in spans.items():
            array = array.take(list(range(*span)), axis)
        _fold(ctx, node, array)
        return
    _emit_spans(ctx, node, spans, dropped)


def _emit_spans(
    ctx: TfliteContext, node: TfliteNode, spans: dict[int, tuple[int, int, int]], dropped: list[int]
) -> None:
    name, y = ctx.x(node.input(0)), node.output.name
    for axis in [axis for axis, span in spans.items() if span[2] < 0]:
        name = take(ctx, name, axis, range(*spans.pop(axis)), ctx.temporary(y, f"axis {axis}"))
    if not dropped:
        slice_axes(ctx, name, spans, y)
        return
    kept = slice_axes(ctx, name, spans, ctx.temporary(y, "all axes"))
    shape = tuple(size for axis, size in enumerate(ctx.shape(kept)) if axis not in dropped)
    reshape(ctx, kept, shape, y)


def read_split(ctx: TfliteContext, node: TfliteNode) -> None:
    """Parts along one axis, of equal or constant sizes."""
    x, axis_input = (node.input(1), node.input(0)) if node.kind == "SPLIT" else (node.input(0), node.input(2))
    axes, rank, count = constant_integers(ctx, axis_input, "axis"), len(x.shape), len(node.outputs)
    if len(axes) != 1 or not -rank <= axes[0] < rank:
        raise Refused("M002", f"its axis is {axes} of {rank}", CONVERT_AGAIN)
    axis = axes[0] % rank
    sizes = [x.shape[axis] // count] * count
    if node.kind == "SPLIT_V":
        sizes = constant_integers(ctx, node.input(1), "sizes")
        if sizes.count(-1) == 1:
            sizes[sizes.index(-1)] = x.shape[axis] - sum(sizes) - 1
    if len(sizes) != count or sum(sizes) != x.shape[axis] or min(sizes) < 1:
        raise Refused("M006", f"sizes {sizes} of {count} parts of {x.shape}", CONVERT_AGAIN)
    start, name = 0, ctx.x(x)
    for size, output in zip(sizes, node.outputs, strict=True):
        slice_axes(ctx, name, {axis: (start, start + size, 1)}, output.name)
        start += size


def read_shape(ctx: TfliteContext, node: TfliteNode) -> None:
    """The shape of a tensor, known when compiling."""
    _fold(ctx, node, np.array(node.input(0).shape, np.int64))


def read_pack(ctx: TfliteContext, node: TfliteNode) -> None:
    """Constants, or tensors along a new axis."""
    inputs = [node.input(index) for index in range(len(node.inputs))]
    rank = len(node.output.shape)
    axis = node.integer("PackOptions", "Axis")
    if not inputs or not -rank <= axis < rank or len({each.shape for each in inputs}) > 1:
        raise Refused("M002", f"its axis is {axis} of {rank}, or its inputs differ", CONVERT_AGAIN)
    if all(each.name in ctx.values and each.name not in ctx.encodings for each in inputs):
        _fold(ctx, node, np.stack([ctx.values[each.name] for each in inputs], axis))
        return
    if any(each.is_constant for each in inputs):
        raise unsupported("it joins tensors and constants", "use CONCATENATION")
    axis, y = axis % rank, node.output.name
    shape = (*inputs[0].shape[:axis], 1, *inputs[0].shape[axis:])
    parts = [
        reshape(ctx, ctx.x(each), shape, ctx.temporary(y, f"part {index}"))
        for index, each in enumerate(inputs)
    ]
    ctx.emit(Concat(axis), tuple(parts), y)


def _fold(ctx: TfliteContext, node: TfliteNode, array: Array) -> None:
    """Note a value that is known when compiling."""
    if array.size != math.prod(node.output.shape):
        raise Refused("M006", f"it has {array.size} values, the file says {node.output.shape}", CONVERT_AGAIN)
    ctx.values[node.output.name] = freeze(array.reshape(node.output.shape))


FAMILY = (
    TfliteReader(read_concatenation, ("CONCATENATION",), Codes.MOVED),
    TfliteReader(read_pack, ("PACK",), Codes.MOVED),
    TfliteReader(read_pad, ("PAD", "PADV2"), Codes.MOVED),
    TfliteReader(read_reshape, ("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), Codes.MOVED, reads_indices=True),
    TfliteReader(read_shape, ("SHAPE",), Codes.MOVED),
    TfliteReader(read_slice, ("SLICE",), Codes.MOVED),
    TfliteReader(read_split, ("SPLIT", "SPLIT_V"), Codes.MOVED),
    TfliteReader(read_strided_slice, ("STRIDED_SLICE",), Codes.MOVED),
    TfliteReader(read_transpose, ("TRANSPOSE",), Codes.MOVED),
)

"""Operators that repeat values: Resize and Upsample by nearest neighbours, Expand and Tile."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.program import Step
from mcuq.ir.types import Float32, Shape
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import Effect, FindConstant, Values
from mcuq.onnxio.importers.parameters import normalize_axes, read_ints
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.onnxio.tensors import MAX_ELEMS
from mcuq.ops.arithmetic import broadcast_shape
from mcuq.ops.move import Reshape
from mcuq.ops.onnx.emit import emit_spatial, reshape
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.slice import take
from mcuq.ops.resize import ResizeNearest, ResizeNearestStep

Indices = tuple[int, ...]


def take_axes(ctx: ImportContext, x: str, maps: Mapping[int, Indices], output: str) -> None:
    """Add what gathers the given indices of several axes; those of an image at once."""
    shape = ctx.shape(x)
    maps = {axis: indices for axis, indices in maps.items() if indices != tuple(range(shape[axis]))}
    if not maps:
        ctx.emit(Reshape(shape), (x,), output)
    elif len(shape) in (3, 4) and min(maps) >= 2:
        image = shape[2:] if len(shape) == 4 else (1, shape[2])
        shift = 2 if len(shape) == 4 else 1
        rows, cols = (maps.get(shift + axis, tuple(range(size))) for axis, size in enumerate(image))
        emit_spatial(ctx, ResizeNearest(rows, cols), x, (), output)
    else:
        for position, (axis, indices) in enumerate(maps.items(), start=1):
            is_last = position == len(maps)
            x = take(ctx, x, axis, indices, output if is_last else ctx.temporary(output, f"axis {axis}"))


def read_expand(ctx: ImportContext, node: OnnxNode) -> None:
    """Expand to a constant shape."""
    x = ctx.activation(node.input(0))
    shape = broadcast_shape(ctx.shape(x), _checked(read_ints(ctx, node.input(1) or "", "shape")))
    ctx.limits.check_moved(shape)
    old = (1,) * (len(shape) - len(ctx.shape(x))) + ctx.shape(x)
    if old != ctx.shape(x):
        x = reshape(ctx, x, old, ctx.temporary(node.output, "in"))
    maps = {axis: (0,) * size for axis, size in enumerate(shape) if size != old[axis]}
    take_axes(ctx, x, maps, node.output)


def read_tile(ctx: ImportContext, node: OnnxNode) -> None:
    """Tile by constant repeats."""
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    repeats = _checked(read_ints(ctx, node.input(1) or "", "repeats"))
    if len(repeats) != len(shape):
        raise Refused("M006", f"repeats {repeats} do not fit {shape}", "export the model again")
    ctx.limits.check_moved(tuple(size * times for size, times in zip(shape, repeats, strict=True)))
    maps = {axis: tuple(range(shape[axis])) * times for axis, times in enumerate(repeats) if times != 1}
    take_axes(ctx, x, maps, node.output)


def _checked(sizes: tuple[int, ...]) -> tuple[int, ...]:
    if min(sizes, default=1) < 1:
        raise Refused("M006", f"sizes {sizes}: its output is empty", "export the model again")
    return sizes


def read_resize(ctx: ImportContext, node: OnnxNode) -> None:
    """Resize and Upsample by nearest neighbours, in every mode but tf_crop_and_resize."""
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    scales, sizes = _read_scales(ctx, node, shape)
    if sizes == shape:
        ctx.emit(Reshape(shape), (x,), node.output)
        return
    mode = node.get_string("mode", "nearest")
    if mode != "nearest":
        raise unsupported(f"its mode is '{mode}'", "resize with mode='nearest', or by a convolution")
    if min(sizes) < 1:
        raise Refused("M006", f"its output has shape {sizes}: it is empty", "export the model again")
    ctx.limits.check_moved(sizes)
    maps = {
        axis: _indices(ctx, node, scales[axis], shape[axis], sizes[axis])
        for axis in range(len(shape))
        if sizes[axis] != shape[axis]
    }
    take_axes(ctx, x, maps, node.output)


def _read_scales(ctx: ImportContext, node: OnnxNode, shape: Shape) -> tuple[list[np.float32], Shape]:
    """Factor and new size of every axis."""
    axes = tuple(range(len(shape)))
    given = node.get_ints("axes")
    if given is not None:
        axes = normalize_axes(given, len(shape))
    names = (node.input(1), None) if ctx.opset < 11 else (node.input(2), node.input(3))
    scales, sizes = [np.float32(1)] * len(shape), list(shape)
    if names[1] is not None and ctx.constant(names[1], "sizes").size:
        wanted = read_ints(ctx, names[1], "sizes")
        _check_count(wanted, axes)
        for axis, size in zip(axes, _keep_aspect(node, wanted, [shape[a] for a in axes]), strict=True):
            sizes[axis] = size
            scales[axis] = np.float32(size) / np.float32(shape[axis])
        return scales, tuple(sizes)
    factors = ctx.weights(names[0], "scales").reshape(-1).astype(np.float32) if names[0] else ()
    if names[0] is None and node.has("scales"):  # Upsample of opset 7
        proto = node.attribute("scales")
        factors = np.array(proto.floats if proto else (), np.float32)
    _check_count(tuple(factors), axes)
    for axis, factor in zip(axes, factors, strict=True):
        if not 0 < factor < MAX_ELEMS:
            raise Refused("M002", f"its scales are {list(map(float, factors))}", "export the model again")
        scales[axis] = factor
        # In float32, as onnxruntime computes it.
        sizes[axis] = int(np.floor(np.float32(shape[axis]) * factor))
    return scales, tuple(sizes)


def _check_count(given: tuple[object, ...], axes: tuple[int, ...]) -> None:
    if len(given) != len(axes):
        raise Refused("M002", f"{len(given)} scales or sizes for {len(axes)} axes", "export the model again")


def _keep_aspect(node: OnnxNode, wanted: tuple[int, ...], old: list[int]) -> tuple[int, ...]:
    """The sizes under `keep_aspect_ratio_policy`."""
    policy = node.get_string("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return wanted
    if policy not in ("not_larger", "not_smaller"):
        raise Refused("M002", f"keep_aspect_ratio_policy is '{policy}'", "export the model again")
    ratios = [size / before for size, before in zip(wanted, old, strict=True)]
    factor = min(ratios) if policy == "not_larger" else max(ratios)
    return tuple(math.floor(factor * before + 0.5) for before in old)


def _indices(ctx: ImportContext, node: OnnxNode, scale: np.float32, old: int, new: int) -> Indices:
    """Where each value of a resized axis comes from, in float32 like onnxruntime."""
    mode = node.get_string("coordinate_transformation_mode", "half_pixel")
    rounding = node.get_string("nearest_mode", "round_prefer_floor")
    if ctx.opset < 11:
        # The first Resize knew no modes: onnxruntime rounds up where it shrinks.
        mode, rounding = "asymmetric", "ceil" if scale < 1 else "floor"
    if mode not in _COORDINATES:
        raise unsupported(
            f"its coordinate_transformation_mode is '{mode}'", f"use one of {', '.join(_COORDINATES)}"
        )
    if rounding not in _ROUNDINGS:
        raise Refused("M002", f"nearest_mode is '{rounding}'", "export the model again")
    at = _COORDINATES[mode](np.arange(new, dtype=np.float32), scale, old, new)
    return tuple(int(index) for index in np.clip(_ROUNDINGS[rounding](at), 0, old - 1))


_HALF, _ONE = np.float32(0.5), np.float32(1)


def _half_pixel(i: Float32, scale: np.float32, old: int, new: int) -> Float32:
    return (i + _HALF) / scale - _HALF


def _half_pixel_symmetric(i: Float32, scale: np.float32, old: int, new: int) -> Float32:
    adjustment = np.float32(new) / (scale * np.float32(old))
    offset = np.float32(old) / np.float32(2) * (_ONE - adjustment)
    return offset + (i + _HALF) / scale - _HALF


def _pytorch_half_pixel(i: Float32, scale: np.float32, old: int, new: int) -> Float32:
    return _half_pixel(i, scale, old, new) if new > 1 else np.zeros_like(i)


def _align_corners(i: Float32, scale: np.float32, old: int, new: int) -> Float32:
    return i * np.float32(old - 1) / np.float32(new - 1) if new > 1 else np.zeros_like(i)


# Source: ONNX, Resize.
_COORDINATES: Mapping[str, Callable[[Float32, np.float32, int, int], Float32]] = {
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _half_pixel_symmetric,
    "pytorch_half_pixel": _pytorch_half_pixel,
    "align_corners": _align_corners,
    "asymmetric": lambda i, scale, old, new: i / scale,
    "tf_half_pixel_for_nn": lambda i, scale, old, new: (i + _HALF) / scale,
}

_ROUNDINGS: Mapping[str, Callable[[Float32], Float32]] = {
    "round_prefer_floor": lambda at: np.ceil(at - _HALF),
    "round_prefer_ceil": lambda at: np.floor(at + _HALF),
    "floor": np.floor,
    "ceil": np.ceil,
}


def _is_nearest(node: OnnxNode, constant: FindConstant) -> bool:
    """Whether no two values are mixed."""
    return node.get_string("mode", "nearest") == "nearest"


def write_resize(writer: OnnxWriter, node: Node) -> None:
    """A Gather of rows and one of columns, in the layout of the input."""
    assert isinstance(node.op, ResizeNearest)
    x, is_nchw = writer.as_stored(node.inputs[0])
    y = _gathered(writer, x, (node.op.rows, node.op.cols), is_nchw)
    writer.define(node.output, y, is_nchw=is_nchw)


def write_resize_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """A Gather of rows and one of columns of codes."""
    assert isinstance(step.op, ResizeNearestStep)
    x, is_nchw = writer.as_stored(str(step.inputs[0]))
    return Written(_gathered(writer, x, (step.op.rows, step.op.cols), is_nchw), is_nchw)


def _gathered(writer: OnnxWriter, x: str, maps: Sequence[Indices], is_nchw: bool) -> str:
    for axis, indices in enumerate(maps, start=2 if is_nchw else 1):
        x = writer.node("Gather", [x, writer.constant(np.array(indices, np.int64))], axis=axis)
    return x


FAMILY = Family(
    readers=(
        Reader(read_expand, ("Expand",), Effect(Values.TAKEN)),
        Reader(read_resize, ("Resize",), Effect(Values.TAKEN, takes_codes=True, keeps_values=_is_nearest)),
        Reader(read_tile, ("Tile",), Effect(Values.TAKEN)),
        Reader(read_resize, ("Upsample",), Effect(Values.TAKEN, keeps_values=_is_nearest)),
    ),
    writers={ResizeNearest: write_resize},
    step_writers={ResizeNearestStep: write_resize_step},
)

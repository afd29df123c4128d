"""Operators that repeat values or put new ones between them: Resize and Upsample, Expand and Tile."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.program import Step
from mcuq.ir.types import Float32, Shape
from mcuq.onnxio.export.qdq_rounding import half_away, real, to_double, whole
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import Effect, Values
from mcuq.onnxio.importers.parameters import normalize_axes, read_ints
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.onnxio.tensors import MAX_ELEMS
from mcuq.ops.arithmetic import broadcast_shape
from mcuq.ops.move import Reshape
from mcuq.ops.onnx.emit import emit_spatial, reshape
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.interpolate import Interpolation, crop_places, emit_interpolated
from mcuq.ops.onnx.slice import take
from mcuq.ops.resize import WEIGHT_ONE, ResizeLinear, ResizeLinearStep, ResizeNearest, ResizeNearestStep

Indices = tuple[int, ...]
Places = tuple[float, ...]
_CROP = "tf_crop_and_resize"
# The second name is that of the first Upsample.
_LINEAR = ("linear", "bilinear")


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
    """Resize and Upsample: nearest, linear, and cubic, with antialias or of a part as layers."""
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    scales, sizes = _read_scales(ctx, node, shape)
    is_cropped = node.get_string("coordinate_transformation_mode", "half_pixel") == _CROP and ctx.opset >= 11
    if sizes == shape and not is_cropped:
        ctx.emit(Reshape(shape), (x,), node.output)
        return
    mode = node.get_string("mode", "nearest")
    if mode not in ("nearest", "cubic", *_LINEAR):
        raise Refused("M002", f"its mode is '{mode}'", "export the model again")
    if min(sizes) < 1:
        raise Refused("M006", f"its output has shape {sizes}: it is empty", "export the model again")
    ctx.limits.check_moved(sizes)
    resized = [axis for axis in range(len(shape)) if sizes[axis] != shape[axis]]
    is_shrunk = any(sizes[axis] < shape[axis] for axis in resized)
    if is_cropped or mode == "cubic" or (node.get_int("antialias", 0) and is_shrunk and mode != "nearest"):
        _interpolate(ctx, node, x, (scales, sizes), is_cropped=is_cropped)
        return
    if mode == "nearest":
        maps = {axis: _indices(ctx, node, scales[axis], shape[axis], sizes[axis]) for axis in resized}
        take_axes(ctx, x, maps, node.output)
        return
    places = {axis: _places(ctx, node, scales[axis], shape[axis], sizes[axis]) for axis in resized}
    _mix_axes(ctx, x, places, node.output)


def _interpolate(
    ctx: ImportContext, node: OnnxNode, x: str, new: tuple[list[np.float32], Shape], *, is_cropped: bool
) -> None:
    """Resize by matrices; of a part that is cropped every axis counts whose part is not all of it."""
    scales, sizes = new
    shape = ctx.shape(x)
    if is_cropped and node.get_string("mode", "nearest") == "nearest":
        raise unsupported("it crops and takes the nearest values", "use Slice, and Resize without a roi")
    if ctx.opset < 11:
        raise unsupported("its mode is 'cubic'", "export with opset 11 or newer")
    roi = _roi(ctx, node, len(shape)) if is_cropped else {}
    axes = {}
    for axis, (old, size) in enumerate(zip(shape, sizes, strict=True)):
        if is_cropped:
            places = crop_places(node, roi.get(axis, (0.0, 1.0)), old, size)
        else:
            places = _coordinates(ctx, node, scales[axis], old, size).astype(np.float64)
        if size != old or not np.array_equal(places, np.arange(old)):
            axes[axis] = Interpolation(places, float(scales[axis]), old, is_cropped)
    emit_interpolated(ctx, node, x, axes, node.output)


def _roi(ctx: ImportContext, node: OnnxNode, rank: int) -> dict[int, tuple[float, float]]:
    """Start and end of the part of every axis that is given."""
    given = node.get_ints("axes")
    axes = tuple(range(rank)) if given is None else normalize_axes(given, rank)
    values = ctx.weights(node.input(1) or "", "roi").reshape(-1)
    _check_count(tuple(values[::2]), axes)
    starts, ends = np.split(values.astype(np.float64), 2) if values.size % 2 == 0 else ((), ())
    _check_count(tuple(ends), axes)
    return {axis: (float(a), float(b)) for axis, a, b in zip(axes, starts, ends, strict=True)}


def _mix_axes(ctx: ImportContext, x: str, places: Mapping[int, Places], output: str) -> None:
    """Add what is linear between the values of some axes; of more than two neighbours one after the other."""
    shape = ctx.shape(x)
    image: Shape
    if len(shape) in (3, 4) and min(places) >= 2:
        image = shape[2:] if len(shape) == 4 else (1, shape[2])
        shift = 2 if len(shape) == 4 else 1
        rows, cols = (
            places.get(shift + axis, tuple(map(float, range(size)))) for axis, size in enumerate(image)
        )
        emit_spatial(ctx, ResizeLinear(rows, cols), x, (), output)
        return
    axes = list(places)
    while axes:
        first = axes.pop(0)
        last = axes.pop(0) if axes and axes[0] == first + 1 else first
        shape = ctx.shape(x)
        image = (math.prod(shape[:first]), shape[first], shape[last], math.prod(shape[last + 1 :]))
        op = ResizeLinear(places[first], places[last])
        if first == last:
            image = (1, image[0], *image[2:])
            op = ResizeLinear(tuple(map(float, range(image[1]))), places[first])
        new = (*shape[:first], *(len(places[axis]) for axis in range(first, last + 1)), *shape[last + 1 :])
        x = reshape(ctx, x, image, ctx.temporary(output, f"in 4d, axis {first}"))
        x = ctx.emit(op, (x,), ctx.temporary(output, f"4d, axis {first}"))
        x = reshape(ctx, x, new, ctx.temporary(output, f"axis {first}") if axes else output)


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
    """Where each value of a resized axis comes from."""
    rounding = node.get_string("nearest_mode", "round_prefer_floor")
    if ctx.opset < 11:
        # The first Resize knew no modes: onnxruntime rounds up where it shrinks.
        rounding = "ceil" if scale < 1 else "floor"
    if rounding not in _ROUNDINGS:
        raise Refused("M002", f"nearest_mode is '{rounding}'", "export the model again")
    at = _coordinates(ctx, node, scale, old, new)
    return tuple(int(index) for index in np.clip(_ROUNDINGS[rounding](at), 0, old - 1))


def _places(ctx: ImportContext, node: OnnxNode, scale: np.float32, old: int, new: int) -> Places:
    """Where each value of a resized axis lies in the old one, whose ends go on beyond it."""
    at = np.clip(_coordinates(ctx, node, scale, old, new), 0, old - 1)
    return tuple(float(place) for place in at)


def _coordinates(ctx: ImportContext, node: OnnxNode, scale: np.float32, old: int, new: int) -> Float32:
    """Places of the values of a resized axis, in float32 like onnxruntime."""
    # The first Resize knew no modes.
    mode = (
        node.get_string("coordinate_transformation_mode", "half_pixel") if ctx.opset >= 11 else "asymmetric"
    )
    if mode not in _COORDINATES:
        raise unsupported(
            f"its coordinate_transformation_mode is '{mode}'", f"use one of {', '.join(_COORDINATES)}"
        )
    return _COORDINATES[mode](np.arange(new, dtype=np.float32), scale, old, new)


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


def _is_nearest(node: OnnxNode) -> bool:
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


def write_resize_linear(writer: OnnxWriter, node: Node) -> None:
    """Products with a matrix for the rows and one for the columns, in NCHW."""
    assert isinstance(node.op, ResizeLinear)
    _, h, w, _ = writer.shape(node.inputs[0])
    rows, cols = (
        writer.constant(_matrix(places, size)) for places, size in ((node.op.rows, h), (node.op.cols, w))
    )
    y = writer.node("MatMul", [rows, writer.nchw(node.inputs[0])])
    turned = writer.node("Transpose", [cols], perm=(1, 0))
    writer.define(node.output, writer.node("MatMul", [y, turned]), is_nchw=True)


def _matrix(places: Sequence[float], size: int) -> Float32:
    """Weights of the values of an axis for every place, `[places, size]`."""
    at, index = np.array(places), np.arange(size)
    weights: Float32 = np.maximum(1 - np.abs(at[:, None] - index), 0).astype(np.float32)
    return weights


def write_resize_linear_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """The same products; without `is_plain` of whole numbers in double precision, which are exact."""
    assert isinstance(step.op, ResizeLinearStep)
    name, op = str(step.inputs[0]), step.op
    x, quant = writer.nchw(name), writer.quant(name)
    _, h, w, _ = writer.shape(name)
    matrices = [
        _matrix(
            [first + weight / WEIGHT_ONE for first, weight in zip(axis.first, axis.weight, strict=True)], size
        )
        for axis, size in ((op.rows, h), (op.cols, w))
    ]
    if writer.is_plain:
        rows, cols = (writer.constant(matrix) for matrix in (matrices[0], matrices[1].T))
        y = writer.node("MatMul", [rows, x])
        return Written(writer.main("MatMul", [y, cols]), is_nchw=True)
    rows, cols = (writer.exact(matrix.astype(np.float64)) for matrix in (matrices[0], matrices[1].T))
    zero = writer.exact(np.array(float(quant.zero_point)))
    codes = writer.node("Add", [to_double(writer, whole(writer, x, quant.step)), zero])
    y = writer.main("MatMul", [writer.node("MatMul", [rows, codes]), cols])
    y = writer.node("Sub", [half_away(writer, y), zero])
    return Written(real(writer, y, quant.step), is_nchw=True)


def _gathered(writer: OnnxWriter, x: str, maps: Sequence[Indices], is_nchw: bool) -> str:
    for axis, indices in enumerate(maps, start=2 if is_nchw else 1):
        x = writer.node("Gather", [x, writer.constant(np.array(indices, np.int64))], axis=axis)
    return x


FAMILY = Family(
    readers=(
        Reader(read_expand, ("Expand",), Effect(Values.TAKEN)),
        Reader(read_resize, ("Resize",), Effect(Values.TAKEN, takes_codes=True, is_of=_is_nearest)),
        Reader(read_tile, ("Tile",), Effect(Values.TAKEN)),
        Reader(read_resize, ("Upsample",), Effect(Values.TAKEN, is_of=_is_nearest)),
    ),
    writers={ResizeNearest: write_resize, ResizeLinear: write_resize_linear},
    step_writers={ResizeNearestStep: write_resize_step, ResizeLinearStep: write_resize_linear_step},
)

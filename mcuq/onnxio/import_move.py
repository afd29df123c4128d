"""Operators that move values: Reshape and its relatives, Transpose, Pad, and those that do nothing."""

from __future__ import annotations

import math

import onnx

from mcuq.ir.types import Shape, elem_count
from mcuq.onnxio.context import TO_NCHW, TO_NHWC, ImportContext
from mcuq.onnxio.import_resize import take_axes
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.read_inputs import normalize_axes, read_axes, read_ints, read_scalar
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.ops.move import Reshape, Transpose
from mcuq.ops.pad import Pad


def import_identity(ctx: ImportContext, node: OnnxNode) -> None:
    """Identity, and Dropout at inference: a Reshape to the same shape, which a pass removes."""
    x = ctx.activation(node.input(0))
    mode = node.input(2) if node.op_type == "Dropout" and ctx.opset >= 12 else None
    if mode is not None and ctx.constant(mode, "training_mode").any():
        raise unsupported("it is in training mode", "export the model for inference (model.eval())")
    ctx.emit(Reshape(ctx.shape(x)), (x,), node.output)


def import_cast(ctx: ImportContext, node: OnnxNode) -> None:
    """Cast from float32 to float32, and of the indices of ArgMax to other integers."""
    x = ctx.activation(node.input(0))
    to = node.get_int("to", 0)
    allowed = [onnx.TensorProto.FLOAT]
    if x in ctx.indices:
        allowed += [onnx.TensorProto.INT32, onnx.TensorProto.INT64]
    if to not in allowed:
        raise unsupported(
            f"it casts to data type {to}", "remove the cast; mcuq takes float32 and quantizes itself"
        )
    ctx.emit(Reshape(ctx.shape(x)), (x,), node.output)


def import_reshape(ctx: ImportContext, node: OnnxNode) -> None:
    """Reshape to a constant shape; 0 copies a size, -1 is what is left."""
    x = ctx.activation(node.input(0))
    old = ctx.shape(x)
    wanted = list(read_ints(ctx, node.input(1) or "", "shape"))
    if not node.get_int("allowzero", 0):
        for axis, size in enumerate(wanted):
            if size == 0 and axis >= len(old):
                raise Refused("M006", f"shape {wanted} copies axis {axis} of {old}", "export the model again")
            wanted[axis] = old[axis] if size == 0 else size
    if wanted.count(-1) > 1 or min(wanted, default=0) < -1:
        raise Refused("M002", f"its shape is {wanted}", "export the model again")
    if -1 in wanted:
        rest = -math.prod(wanted)
        if rest == 0 or elem_count(old) % rest:
            raise Refused("M006", f"{old} does not reshape to {wanted}", "export with static shapes")
        wanted[wanted.index(-1)] = elem_count(old) // rest
    ctx.emit(Reshape(tuple(wanted)), (x,), node.output)


def import_flatten(ctx: ImportContext, node: OnnxNode) -> None:
    """Flatten to a matrix."""
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    axis = node.get_int("axis", 1)
    axis += len(shape) if axis < 0 else 0
    if not 0 <= axis <= len(shape):
        raise Refused("M002", f"axis {axis} does not fit {shape}", "export the model again")
    ctx.emit(Reshape((math.prod(shape[:axis]), math.prod(shape[axis:]))), (x,), node.output)


def import_squeeze(ctx: ImportContext, node: OnnxNode) -> None:
    """Squeeze, attribute (to opset 12) and input form."""
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    axes = read_axes(ctx, node, since=13, rank=len(shape))
    if axes is None:
        axes = tuple(axis for axis, size in enumerate(shape) if size == 1)
    if any(shape[axis] != 1 for axis in axes):
        raise Refused("M006", f"it removes axes {axes} of {shape}", "export the model again")
    ctx.emit(Reshape(_without(shape, axes)), (x,), node.output)


def _without(shape: Shape, axes: tuple[int, ...]) -> Shape:
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def import_unsqueeze(ctx: ImportContext, node: OnnxNode) -> None:
    """Unsqueeze, attribute (to opset 12) and input form."""
    x = ctx.activation(node.input(0))
    old = ctx.shape(x)
    given = read_ints(ctx, node.input(1) or "", "axes") if ctx.opset >= 13 else node.get_ints("axes") or ()
    axes = normalize_axes(given, len(old) + len(given))
    sizes = iter(old)
    shape = tuple(1 if axis in axes else next(sizes) for axis in range(len(old) + len(axes)))
    ctx.emit(Reshape(shape), (x,), node.output)


def import_transpose(ctx: ImportContext, node: OnnxNode) -> None:
    """Transpose; without perm the axes are reversed."""
    x = ctx.activation(node.input(0))
    perm = node.get_ints("perm") or tuple(reversed(range(len(ctx.shape(x)))))
    ctx.emit(Transpose(perm), (x,), node.output)


def import_depth_to_space(ctx: ImportContext, node: OnnxNode) -> None:
    """DepthToSpace in both modes: a reshape, a transpose and a reshape, with channels last."""
    x, block = ctx.activation(node.input(0)), node.get_int("blocksize", 0)
    shape, mode = ctx.shape(x), node.get_string("mode", "DCR")
    if mode not in ("DCR", "CRD"):
        raise Refused("M002", f"its mode is '{mode}'", "export the model again")
    if len(shape) != 4 or block < 1 or shape[1] % (block * block):
        raise Refused("M006", f"blocks of {block} do not fit {shape}", "export the model again")
    n, c, h, w = shape
    c //= block * block
    split, perm = (n, h, w, block, block, c), (0, 1, 3, 2, 4, 5)
    if mode == "CRD":
        split, perm = (n, h, w, c, block, block), (0, 1, 4, 2, 5, 3)
    _shuffle(ctx, x, split, perm, (n, h * block, w * block, c), node.output)


def import_space_to_depth(ctx: ImportContext, node: OnnxNode) -> None:
    """SpaceToDepth in both modes: a reshape, a transpose and a reshape, with channels last."""
    x, block = ctx.activation(node.input(0)), node.get_int("blocksize", 0)
    shape, mode = ctx.shape(x), node.get_string("mode", "DCR")
    if mode not in ("DCR", "CRD"):
        raise Refused("M002", f"its mode is '{mode}'", "export the model again")
    if len(shape) != 4 or block < 1 or shape[2] % block or shape[3] % block:
        raise Refused("M006", f"blocks of {block} do not fit {shape}", "export the model again")
    n, c, h, w = shape[0], shape[1], shape[2] // block, shape[3] // block
    perm = (0, 1, 3, 2, 4, 5) if mode == "DCR" else (0, 1, 3, 5, 2, 4)
    _shuffle(ctx, x, (n, h, block, w, block, c), perm, (n, h, w, c * block * block), node.output)


def _shuffle(
    ctx: ImportContext, x: str, split: Shape, perm: tuple[int, ...], out: Shape, output: str
) -> None:
    """Split axes of the NHWC image, move them and merge them."""
    x = ctx.transpose(x, TO_NHWC, ctx.temporary(output, "in nhwc"))
    x = ctx.reshape(x, split, ctx.temporary(output, "split"))
    x = ctx.transpose(x, perm, ctx.temporary(output, "turned"))
    x = ctx.reshape(x, out, ctx.temporary(output, "nhwc"))
    ctx.transpose(x, TO_NCHW, output)


def import_pad(ctx: ImportContext, node: OnnxNode) -> None:
    """Pad in all modes: attributes (to opset 10), inputs, inputs with axes (from 18)."""
    x = ctx.activation(node.input(0))
    shape, value = ctx.shape(x), 0.0
    if ctx.opset < 11:
        pads, value = node.get_ints("pads"), node.get_float("value", 0.0)
    else:
        pads = read_ints(ctx, node.input(1) or "", "pads")
        value_name = node.input(2)
        value = 0.0 if value_name is None else read_scalar(ctx, value_name, "value")
    axes = tuple(range(len(shape)))
    axes_name = node.input(3)
    if axes_name is not None:
        axes = normalize_axes(read_ints(ctx, axes_name, "axes"), len(shape))
    if pads is None or len(pads) != 2 * len(axes):
        raise Refused("M002", f"pads {pads} for {len(axes)} axes", "export the model again")
    if min(pads, default=0) < 0:
        raise unsupported(f"pads {pads} cut values off", "pad with positive numbers")
    if math.isnan(value) or value == math.inf:
        raise Refused("M005", f"its value is {value}", "pad with a finite number")
    pairs = [(0, 0)] * len(shape)
    for position, axis in enumerate(axes):
        pairs[axis] = (pads[position], pads[position + len(axes)])
    mode = node.get_string("mode", "constant")
    if mode == "constant":
        ctx.emit(Pad(tuple(pairs), value), (x,), node.output)
        return
    ctx.room.check_moved(tuple(size + sum(pair) for size, pair in zip(shape, pairs, strict=True)))
    maps = {axis: _repeated(mode, shape[axis], *pair) for axis, pair in enumerate(pairs) if any(pair)}
    take_axes(ctx, x, maps, node.output)


def _repeated(mode: str, size: int, before: int, after: int) -> tuple[int, ...]:
    """Where the values of a padded axis come from."""
    places = range(-before, size + after)
    if mode == "edge":
        return tuple(min(max(place, 0), size - 1) for place in places)
    if mode == "wrap":
        return tuple(place % size for place in places)
    if mode != "reflect":
        raise Refused("M002", f"its mode is '{mode}'", "export the model again")
    if max(before, after) >= size:
        raise Refused("M006", f"it reflects {before} and {after} of {size} values", "pad with less")
    # 0 1 2 3 2 1 and again: the border itself is not repeated.
    period = max(2 * (size - 1), 1)
    return tuple(min(place % period, period - place % period) for place in places)

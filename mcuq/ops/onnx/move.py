"""Operators that hold the values of their input in another shape or order, and those that do nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.program import Step
from mcuq.ir.types import Shape, elem_count
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import TAKING, VIEW
from mcuq.onnxio.importers.parameters import normalize_axes, read_axes, read_ints
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.onnxio.standard import BFLOAT16, BOOL, DOUBLE, FLOAT, FLOAT16, INT32, INT64, TO_NCHW, TO_NHWC
from mcuq.ops.logic import Threshold
from mcuq.ops.move import Reshape, Transpose, TransposeStep
from mcuq.ops.onnx.emit import reshape, transpose
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.logic import emit_truth


def read_identity(ctx: ImportContext, node: OnnxNode) -> None:
    """Identity, and Dropout at inference: a Reshape to the same shape, which a pass removes."""
    x = ctx.activation(node.input(0))
    mode = node.input(2) if node.op_type == "Dropout" and ctx.opset >= 12 else None
    if mode is not None and ctx.constant(mode, "training_mode").any():
        raise unsupported("it is in training mode", "export the model for inference (model.eval())")
    ctx.emit(Reshape(ctx.shape(x)), (x,), node.output)
    mask = node.outputs[1] if len(node.outputs) > 1 else ""
    if mask in ctx.used and mask:
        ctx.values[mask] = np.ones(ctx.shape(x), bool)  # nothing is dropped at inference


def read_cast(ctx: ImportContext, node: OnnxNode) -> None:
    """Cast to floats and bool of anything, and of integers and bool to int32 and int64."""
    x = ctx.activation(node.input(0))
    to = node.get_int("to", 0)
    if to == BOOL and x not in ctx.truths:
        emit_truth(ctx, Threshold("equal", 0.0, is_negated=True), (x,), node.output)
        return
    # Other precisions are those of the same numbers.
    allowed = [FLOAT] if x in ctx.indices else [FLOAT, FLOAT16, BFLOAT16, DOUBLE]
    if x in ctx.truths:
        allowed += [BOOL, INT32, INT64]
        ctx.truths.add(node.output)
        if to in (INT32, INT64):
            ctx.indices.add(node.output)
            ctx.given.add(node.output)
    if x in ctx.indices:
        allowed += [INT32, INT64]
    if x in ctx.given and to == FLOAT:
        ctx.reals.add(node.output)
    if to not in allowed:
        raise unsupported(
            f"it casts to data type {to}", "remove the cast; mcuq takes float32 and quantizes itself"
        )
    ctx.emit(Reshape(ctx.shape(x)), (x,), node.output)


def read_cast_like(ctx: ImportContext, node: OnnxNode) -> None:
    """CastLike from float32 to float32; of a constant it is folded."""
    x, like = ctx.activation(node.input(0)), node.input(1) or ""
    if not like or ctx.dtype(like) != np.float32 or x in ctx.indices:
        raise unsupported("it casts to another type than float32", "remove the cast")
    ctx.emit(Reshape(ctx.shape(x)), (x,), node.output)


def read_reshape(ctx: ImportContext, node: OnnxNode) -> None:
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


def read_flatten(ctx: ImportContext, node: OnnxNode) -> None:
    """Flatten to a matrix."""
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    axis = node.get_int("axis", 1)
    axis += len(shape) if axis < 0 else 0
    if not 0 <= axis <= len(shape):
        raise Refused("M002", f"axis {axis} does not fit {shape}", "export the model again")
    ctx.emit(Reshape((math.prod(shape[:axis]), math.prod(shape[axis:]))), (x,), node.output)


def read_squeeze(ctx: ImportContext, node: OnnxNode) -> None:
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


def read_unsqueeze(ctx: ImportContext, node: OnnxNode) -> None:
    """Unsqueeze, attribute (to opset 12) and input form."""
    x = ctx.activation(node.input(0))
    old = ctx.shape(x)
    given = read_ints(ctx, node.input(1) or "", "axes") if ctx.opset >= 13 else node.get_ints("axes") or ()
    axes = normalize_axes(given, len(old) + len(given))
    sizes = iter(old)
    shape = tuple(1 if axis in axes else next(sizes) for axis in range(len(old) + len(axes)))
    ctx.emit(Reshape(shape), (x,), node.output)


def read_transpose(ctx: ImportContext, node: OnnxNode) -> None:
    """Transpose; without perm the axes are reversed."""
    x = ctx.activation(node.input(0))
    perm = node.get_ints("perm") or tuple(reversed(range(len(ctx.shape(x)))))
    ctx.emit(Transpose(perm), (x,), node.output)


def read_depth_to_space(ctx: ImportContext, node: OnnxNode) -> None:
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


def read_space_to_depth(ctx: ImportContext, node: OnnxNode) -> None:
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
    x = transpose(ctx, x, TO_NHWC, ctx.temporary(output, "in nhwc"))
    x = reshape(ctx, x, split, ctx.temporary(output, "split"))
    x = transpose(ctx, x, perm, ctx.temporary(output, "turned"))
    x = reshape(ctx, x, out, ctx.temporary(output, "nhwc"))
    transpose(ctx, x, TO_NCHW, output)


def write_reshape(writer: OnnxWriter, node: Node) -> None:
    """Reshape of the device's tensor."""
    assert isinstance(node.op, Reshape)
    writer.define(node.output, writer.reshape(writer.device(node.inputs[0]), node.op.shape))


def write_transpose(writer: OnnxWriter, node: Node) -> None:
    """Transpose of the device's tensor."""
    assert isinstance(node.op, Transpose)
    y = writer.node("Transpose", [writer.device(node.inputs[0])], perm=node.op.perm)
    writer.define(node.output, y)


def write_transpose_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """Transpose of codes."""
    assert isinstance(step.op, TransposeStep)
    return Written(writer.main("Transpose", [writer.device(str(step.inputs[0]))], perm=step.op.perm))


FAMILY = Family(
    readers=(
        Reader(read_cast, ("Cast",), reads_indices=True),
        Reader(read_cast_like, ("CastLike",)),
        Reader(read_depth_to_space, ("DepthToSpace",), TAKING),
        Reader(read_identity, ("Dropout",), VIEW, has_several_outputs=True),
        Reader(read_flatten, ("Flatten",), VIEW, reads_indices=True),
        Reader(read_identity, ("Identity",), VIEW, reads_indices=True),
        Reader(read_reshape, ("Reshape",), VIEW, reads_indices=True),
        Reader(read_space_to_depth, ("SpaceToDepth",), TAKING),
        Reader(read_squeeze, ("Squeeze",), VIEW, reads_indices=True),
        Reader(read_transpose, ("Transpose",), VIEW),
        Reader(read_unsqueeze, ("Unsqueeze",), VIEW, reads_indices=True),
    ),
    writers={Reshape: write_reshape, Transpose: write_transpose},
    step_writers={TransposeStep: write_transpose_step},
)

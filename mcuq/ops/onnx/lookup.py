"""Gather of a constant table by indices that are computed or given at run time: embeddings."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.layout import invert
from mcuq.ir.program import Step
from mcuq.ir.types import DType
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import TAKING, Effect, Merging
from mcuq.onnxio.importers.parameters import normalize_axis
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, quoted, unsupported
from mcuq.onnxio.standard import INT32, INT64
from mcuq.ops.argmax import ArgMax
from mcuq.ops.lookup import Gather, GatherStep
from mcuq.ops.onnx.emit import reshape, transpose
from mcuq.ops.onnx.family import Family

# Their table has the square of it in bytes.
_MAX_CLASSES = 256


def is_lookup(ctx: ImportContext, node: OnnxNode) -> bool:
    """Whether a Gather takes rows of a constant table."""
    table, indices = node.input(0), node.input(1)
    return table is not None and ctx.is_constant(table) and indices is not None


def read_lookup(ctx: ImportContext, node: OnnxNode) -> None:
    """Gather of a constant table by integers that are an input of the model or computed: an embedding."""
    table, indices = node.input(0) or "", node.input(1) or ""
    values = ctx.weights(table, "table")
    axis = normalize_axis(node.get_int("axis", 0), values.ndim)
    if indices not in ctx.indices:
        raise unsupported(
            f"its indices {quoted(indices)} are no integers of an input or of ArgMax",
            "feed integers, or compute the rows with MatMul",
        )
    if not values.size:
        raise Refused("M006", f"its table has shape {values.shape}: it is empty", "export the model again")
    ctx.emit(Gather(axis), (ctx.store(values, table), indices), node.output)
    ctx.reals.add(node.output)


def read_hard_max(ctx: ImportContext, node: OnnxNode) -> None:
    """Hardmax: the row of an identity matrix that ArgMax chooses."""
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    axis = normalize_axis(node.get_int("axis", -1 if ctx.opset >= 13 else 1), len(shape))
    perm = (*(other for other in range(len(shape)) if other != axis), axis)
    count = shape[axis]
    if ctx.opset < 13:
        # All axes from `axis` on are one row.
        count, perm = math.prod(shape[axis:]), tuple(range(len(shape)))
    moved = x
    if perm != tuple(range(len(shape))):
        moved = transpose(ctx, x, perm, ctx.temporary(node.output, "in"))
    turned = ctx.shape(moved)
    rows = reshape(
        ctx, moved, (math.prod(turned) // max(count, 1), count), ctx.temporary(node.output, "rows")
    )
    index = ctx.emit(ArgMax(), (rows,), ctx.temporary(node.output, "index"), is_helper=True)
    table = _unit_rows(ctx, count, node.output)
    y = ctx.emit(Gather(0), (table, index), ctx.temporary(node.output, "chosen"))
    if perm == tuple(range(len(shape))):
        reshape(ctx, y, shape, node.output)
        return
    y = reshape(ctx, y, turned, ctx.temporary(node.output, "out"))
    transpose(ctx, y, invert(perm), node.output)


def read_one_hot(ctx: ImportContext, node: OnnxNode) -> None:
    """OneHot of integers of an input or of ArgMax, by constants; what is no row takes the outermost one."""
    indices = ctx.activation(node.input(0))
    if indices not in ctx.indices:
        raise unsupported("its indices are no integers of an input or of ArgMax", "feed integers")
    depth = ctx.constant(node.input(1) or "", "depth").reshape(-1)
    values = ctx.constant(node.input(2) or "", "values").reshape(-1)
    kinds = {depth.dtype.kind, values.dtype.kind}
    if depth.size != 1 or values.size != 2 or not kinds <= set("iufb"):
        raise Refused("M002", f"its depth is {depth}, its values are {values}", "export the model again")
    if not all(np.isfinite(each.astype(np.float64)).all() for each in (depth, values)):
        raise Refused("M005", "its depth or its values are not finite", "export the model again")
    rank = len(ctx.shape(indices))
    axis = normalize_axis(node.get_int("axis", -1), rank + 1)
    table = _unit_rows(ctx, int(depth[0]), node.output, float(values[0]), float(values[1]))
    if axis == rank:
        ctx.emit(Gather(0), (table, indices), node.output)
    else:
        y = ctx.emit(Gather(0), (table, indices), ctx.temporary(node.output, "last"))
        perm = (*range(axis), rank, *range(axis, rank))
        transpose(ctx, y, perm, node.output)
    ctx.reals.add(node.output)


def _unit_rows(ctx: ImportContext, count: int, output: str, off: float = 0.0, on: float = 1.0) -> str:
    """A square table of one number, and of another one on its diagonal."""
    if not 1 <= count <= _MAX_CLASSES:
        raise unsupported(
            f"it has {count} classes, built are 1 to {_MAX_CLASSES}", "end the model with ArgMax"
        )
    table = np.where(np.eye(count, dtype=bool), np.float32(on), np.float32(off))
    return ctx.store(table, f"{output} [rows]")


def write_gather(writer: OnnxWriter, node: Node) -> None:
    """Gather; indices, which are float32 here as all tensors are, are limited as the device limits them."""
    assert isinstance(node.op, Gather)
    rows = node.op.rows(writer.shape(node.inputs[0]))
    limits = [writer.constant(np.array(limit, np.float32)) for limit in (-rows, rows - 1)]
    index = writer.node("Clip", [writer.device(node.inputs[1]), *limits])
    index = writer.node("Cast", [index], to=INT64)
    writer.define(
        node.output, writer.node("Gather", [writer.device(node.inputs[0]), index], axis=node.op.axis)
    )


def write_gather_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """Gather of a dequantized table, by limited indices."""
    assert isinstance(step.op, GatherStep)
    quant, rows = writer.quant(str(step.output)), step.op.rows
    index = writer.device(str(step.inputs[0]))
    if writer.quant(str(step.inputs[0])).dtype is not DType.INT32:
        index = writer.node("Cast", [index], to=INT32)
    limits = [writer.constant(np.array(limit, np.int32)) for limit in (-rows, rows - 1)]
    index = writer.node("Clip", [index, *limits])
    codes = writer.call(f"{step.name}_table_quantized").constant(step.op.table)
    table = writer.dequantized(codes, quant, f"{step.name}_table")
    return Written(writer.main("Gather", [table, index], axis=step.op.axis))


FAMILY = Family(
    readers=(
        Reader(read_lookup, ("Gather",), TAKING, reads_indices=True, accepts=is_lookup),
        Reader(read_hard_max, ("Hardmax",), Effect(merging=Merging.NOTHING)),
        Reader(read_one_hot, ("OneHot",), Effect(merging=Merging.NOTHING), reads_indices=True),
    ),
    writers={Gather: write_gather},
    step_writers={GatherStep: write_gather_step},
)

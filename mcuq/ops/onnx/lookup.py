"""Gather of a constant table by indices that are computed or given at run time: embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.program import Step
from mcuq.ir.types import DType
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import TAKING
from mcuq.onnxio.importers.parameters import normalize_axis
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, quoted, unsupported
from mcuq.onnxio.standard import INT32, INT64
from mcuq.ops.lookup import Gather, GatherStep
from mcuq.ops.onnx.family import Family


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
    readers=(Reader(read_lookup, ("Gather",), TAKING, reads_indices=True, accepts=is_lookup),),
    writers={Gather: write_gather},
    step_writers={GatherStep: write_gather_step},
)

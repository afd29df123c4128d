"""Where: one of two tensors, element by element."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.program import Step
from mcuq.ir.types import FLOAT32_MAX
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import Effect, Merging
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.logic import as_truth
from mcuq.ops.select import Select, SelectStep


def read_where(ctx: ImportContext, node: OnnxNode) -> None:
    """Where, of tensors and constants; minus infinity is a mask of the Softmax behind it."""
    condition, a, b = node.input(0), node.input(1), node.input(2)
    if condition is None or a is None or b is None:
        raise Refused("M002", "an input is missing", "export the model again")
    if not ctx.is_constant(condition) and condition not in ctx.truths:
        raise unsupported("its condition holds no truth values", "compute it with a comparison, or cast it")
    if not ctx.is_constant(condition):
        names = condition, _operand(ctx, a), _operand(ctx, b)
    else:
        kept = ctx.constant(condition, "condition")
        if kept.dtype.kind != "b":
            raise Refused("M002", f"its condition has type {kept.dtype}", "export the model again")
        names = ctx.store(kept.astype(np.float32), condition), _operand(ctx, a), _operand(ctx, b)
    ctx.emit(Select(), names, node.output)


def _operand(ctx: ImportContext, name: str) -> str:
    """A tensor, or a constant added to the graph; minus infinity becomes the smallest float32."""
    if not ctx.is_constant(name):
        return name
    array = ctx.constant(name, "constant operand")
    if array.dtype.kind != "f":
        raise unsupported(f"its constant has type {array.dtype}", "store it as float32")
    if np.isnan(array).any() or np.isposinf(array).any():
        raise Refused("M005", "its constant is not finite", "train or export the model again", name)
    return ctx.store(np.maximum(array.astype(np.float32), np.float32(-FLOAT32_MAX)), name)


def write_select(writer: OnnxWriter, node: Node) -> None:
    """Where the condition is above one half."""
    condition, a, b = (writer.device(name) for name in node.inputs)
    writer.define(node.output, writer.node("Where", [as_truth(writer, condition), a, b]))


def write_select_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """Where of real values."""
    assert isinstance(step.op, SelectStep)
    condition, a, b = (writer.device(str(index)) for index in step.inputs)
    return Written(writer.main("Where", [as_truth(writer, condition), a, b]))


FAMILY = Family(
    readers=(Reader(read_where, ("Where",), Effect(merging=Merging.NOTHING)),),
    writers={Select: write_select},
    step_writers={SelectStep: write_select_step},
)

"""The index of the largest value."""

from __future__ import annotations

from collections.abc import Sequence

from mcuq.ir.graph import Node
from mcuq.ir.program import Step
from mcuq.ir.types import Shape
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import Effect, Merging
from mcuq.onnxio.importers.parameters import normalize_axis
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.standard import FLOAT, INT32
from mcuq.ops.argmax import ArgMax, ArgMaxStep
from mcuq.ops.onnx.emit import emit_uniform, reshape, transpose
from mcuq.ops.onnx.family import Family


def read_arg_max(ctx: ImportContext, node: OnnxNode) -> None:
    """ArgMax along any axis, the first or last of equal values; indices can only be outputs of the model."""
    _read(ctx, node, ctx.activation(node.input(0)))


def read_arg_min(ctx: ImportContext, node: OnnxNode) -> None:
    """ArgMin along any axis, the first or last of equal values: ArgMax of the negated input."""
    x, name = ctx.activation(node.input(0)), ctx.temporary(node.output, "negated")
    _read(ctx, node, emit_uniform(ctx, x, -1.0, 0.0, name, is_helper=True))


def _read(ctx: ImportContext, node: OnnxNode, x: str) -> None:
    shape = ctx.shape(x)
    axis = normalize_axis(node.get_int("axis", 0), len(shape))
    perm = (*(other for other in range(len(shape)) if other != axis), axis)
    if axis != len(shape) - 1:
        x = transpose(ctx, x, perm, ctx.temporary(node.output, "in"))
    op = ArgMax(is_last=bool(node.get_int("select_last_index", 0)))
    y = ctx.emit(op, (x,), ctx.temporary(node.output, "last"))
    kept = (*shape[:axis], 1, *shape[axis + 1 :])
    # The reduced axis has size 1: to move it is to reshape.
    reshape(ctx, y, kept if node.get_int("keepdims", 1) else _without(shape, axis), node.output)
    ctx.indices.add(node.output)


def _without(shape: Shape, axis: int) -> Shape:
    return (*shape[:axis], *shape[axis + 1 :])


def write_arg_max(writer: OnnxWriter, node: Node) -> None:
    """ArgMax of the last axis; every tensor of the model that is written is float32."""
    assert isinstance(node.op, ArgMax)
    chosen = {"select_last_index": 1} if node.op.is_last else {}
    indices = writer.node("ArgMax", [writer.device(node.inputs[0])], axis=-1, **chosen)
    writer.define(node.output, writer.node("Cast", [indices], to=FLOAT))


def write_arg_max_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """ArgMax of codes; its indices are an output of the model."""
    assert isinstance(step.op, ArgMaxStep)
    chosen = {"select_last_index": 1} if step.op.is_last else {}
    indices = writer.main("ArgMax", [writer.device(str(step.inputs[0]))], axis=-1, **chosen)
    return Written(writer.node("Cast", [indices], to=INT32), is_quantized=True)


FAMILY = Family(
    readers=(
        Reader(read_arg_max, ("ArgMax",), Effect(merging=Merging.NOTHING)),
        Reader(read_arg_min, ("ArgMin",), Effect(merging=Merging.NOTHING)),
    ),
    writers={ArgMax: write_arg_max},
    step_writers={ArgMaxStep: write_arg_max_step},
)

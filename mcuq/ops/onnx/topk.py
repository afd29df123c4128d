"""The largest values and their indices."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.layout import invert
from mcuq.ir.program import Step
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.parameters import normalize_axis
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import unsupported
from mcuq.onnxio.standard import FLOAT, INT32
from mcuq.ops.onnx.emit import emit_uniform, reshape, transpose
from mcuq.ops.onnx.family import Family
from mcuq.ops.topk import TopK, TopKStep


def read_top_k(ctx: ImportContext, node: OnnxNode) -> None:
    """TopK with a constant k, the best first; its indices can only be an output, of the last long axis.

    The smallest are the largest of the negated input, negated. What need not be sorted is sorted.
    """
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    axis = normalize_axis(node.get_int("axis", -1), len(shape))
    is_smallest = not node.get_int("largest", 1)
    k = ctx.constant(node.input(1) or "", "k").reshape(-1) if len(node.inputs) > 1 else None
    count = node.get_int("k", 0) if k is None else int(k[0]) if k.size else 0  # an attribute up to opset 9
    names = [*node.outputs, *[""] * (2 - len(node.outputs))]
    roles = ("values", "indices")
    named = [name or ctx.temporary(node.inputs[0], role) for name, role in zip(names, roles, strict=True)]
    if axis == len(shape) - 1:
        _emit(ctx, x, count, is_smallest, named)
        return
    # Where the axes behind have size 1, to move the axis is to reshape; integers are never transposed.
    if math.prod(shape[axis + 1 :]) > 1 and named[1] in ctx.used:
        raise unsupported(
            f"its indices along axis {axis} are used", "transpose its input so that this is the last axis"
        )
    perm = (*(other for other in range(len(shape)) if other != axis), axis)
    x = transpose(ctx, x, perm, ctx.temporary(named[0], "in"))
    found = [ctx.temporary(name, "last") for name in named]
    _emit(ctx, x, count, is_smallest, found)
    transpose(ctx, found[0], invert(perm), named[0])
    reshape(ctx, found[1], (*shape[:axis], count, *shape[axis + 1 :]), named[1])
    ctx.indices.add(named[1])


def _emit(ctx: ImportContext, x: str, k: int, is_smallest: bool, outputs: Sequence[str]) -> None:
    """Add TopK along the last axis."""
    values, indices = outputs
    if is_smallest:
        x = emit_uniform(ctx, x, -1.0, 0.0, ctx.temporary(values, "negated in"), is_helper=True)
    best = ctx.temporary(values, "negated") if is_smallest else values
    ctx.emit_several(TopK(k), (x,), (best, indices))
    if is_smallest:
        emit_uniform(ctx, best, -1.0, 0.0, values, is_helper=True)
    ctx.indices.add(indices)


def write_top_k(writer: OnnxWriter, node: Node) -> None:
    """TopK of the last axis; every tensor of the model that is written is float32."""
    assert isinstance(node.op, TopK)
    values, indices = _top_k(writer, writer.device(node.inputs[0]), node.op.k)
    writer.define(node.outputs[0], values)
    writer.define(node.outputs[1], writer.node("Cast", [indices], to=FLOAT))


def write_top_k_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """TopK of real values, which are those of codes and stay so."""
    assert isinstance(step.op, TopKStep)
    values, indices = _top_k(writer, writer.device(str(step.inputs[0])), step.op.k)
    cast = writer.node("Cast", [indices], to=INT32)
    return Written(values, is_quantized=True, others=(cast,))


def _top_k(writer: OnnxWriter, x: str, k: int) -> list[str]:
    return writer.several("TopK", [x, writer.constant(np.array([k], np.int64))], 2, axis=-1)


FAMILY = Family(
    readers=(Reader(read_top_k, ("TopK",), has_several_outputs=True),),
    writers={TopK: write_top_k},
    step_writers={TopKStep: write_top_k_step},
)

"""The largest values and their indices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.program import Step
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.parameters import normalize_axis
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import unsupported
from mcuq.onnxio.standard import FLOAT, INT32
from mcuq.ops.onnx.family import Family
from mcuq.ops.topk import TopK, TopKStep


def read_top_k(ctx: ImportContext, node: OnnxNode) -> None:
    """TopK with a constant k along the last axis, the largest first; its indices can only be an output."""
    x = ctx.activation(node.input(0))
    axis = normalize_axis(node.get_int("axis", -1), len(ctx.shape(x)))
    if axis != len(ctx.shape(x)) - 1:
        raise unsupported(f"it works along axis {axis}", "transpose its input so that this is the last axis")
    if not (node.get_int("largest", 1) and node.get_int("sorted", 1)):
        raise unsupported("it has largest=0 or sorted=0", "take the largest values, sorted")
    k = ctx.constant(node.input(1) or "", "k").reshape(-1) if len(node.inputs) > 1 else None
    count = node.get_int("k", 0) if k is None else int(k[0]) if k.size else 0  # an attribute up to opset 9
    names = [*node.outputs, *[""] * (2 - len(node.outputs))]
    roles = ("values", "indices")
    named = [name or ctx.temporary(node.inputs[0], role) for name, role in zip(names, roles, strict=True)]
    ctx.emit_several(TopK(count), (x,), tuple(named))
    ctx.indices.add(named[1])


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

"""The largest values and their indices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.program import Step
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.standard import FLOAT, INT32
from mcuq.ops.onnx.family import Family
from mcuq.ops.topk import TopK, TopKStep


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


FAMILY = Family(writers={TopK: write_top_k}, step_writers={TopKStep: write_top_k_step})

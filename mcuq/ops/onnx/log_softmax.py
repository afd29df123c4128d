"""The logarithm of softmax along one axis."""

from __future__ import annotations

from collections.abc import Sequence

from mcuq.ir.graph import Node
from mcuq.ir.program import Step
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import LAYER
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.ops.log_softmax import LogSoftmax, LogSoftmaxStep
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.softmax import read_along_axis


def read_log_softmax(ctx: ImportContext, node: OnnxNode) -> None:
    """LogSoftmax along one axis (from opset 13) or over all from `axis` on (before)."""
    read_along_axis(ctx, node, LogSoftmax())


def write_log_softmax(writer: OnnxWriter, node: Node) -> None:
    """LogSoftmax of the device's last axis."""
    y = writer.node("LogSoftmax", [writer.device(node.inputs[0])], axis=-1)
    writer.define(node.output, y)


def write_log_softmax_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """LogSoftmax of real values."""
    return Written(writer.main("LogSoftmax", [writer.device(str(step.inputs[0]))], axis=-1))


FAMILY = Family(
    readers=(Reader(read_log_softmax, ("LogSoftmax",), LAYER),),
    writers={LogSoftmax: write_log_softmax},
    step_writers={LogSoftmaxStep: write_log_softmax_step},
)

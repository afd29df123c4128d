"""Softmax along one axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.op import Op
from mcuq.ir.program import Step
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import LAYER
from mcuq.onnxio.importers.forms import IntegerForm
from mcuq.onnxio.importers.parameters import normalize_axis
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.standard import MICROSOFT
from mcuq.ops.onnx.emit import reshape, transpose
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.logic import as_truth
from mcuq.ops.softmax import MaskedSoftmax, MaskedSoftmaxStep, Softmax, SoftmaxStep


def read_softmax(ctx: ImportContext, node: OnnxNode) -> None:
    """Softmax along one axis (from opset 13) or over all from `axis` on (before)."""
    read_along_axis(ctx, node, Softmax())


def read_along_axis(ctx: ImportContext, node: OnnxNode, op: Op) -> None:
    """An operator of the device's last axis that is Softmax's relative and has its attribute.

    Args:
        ctx: the model that is read.
        node: its axis is one (from opset 13), or the first of all that are one row (before).
        op: of the last axis.
    """
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    rank = len(shape)
    axis = normalize_axis(node.get_int("axis", -1 if ctx.opset >= 13 else 1), rank)
    if axis == rank - 1:
        ctx.emit(op, (x,), node.output)
    elif ctx.opset >= 13:
        perm = (*(other for other in range(rank) if other != axis), axis)
        x = transpose(ctx, x, perm, ctx.temporary(node.output, "in"))
        y = ctx.emit(op, (x,), ctx.temporary(node.output, "nhwc"))
        transpose(ctx, y, tuple(int(i) for i in np.argsort(perm)), node.output)
    else:
        flat = (math.prod(shape[:axis]), math.prod(shape[axis:]))
        x = reshape(ctx, x, flat, ctx.temporary(node.output, "in"))
        y = ctx.emit(op, (x,), ctx.temporary(node.output, "flat"))
        reshape(ctx, y, shape, node.output)


def write_softmax(writer: OnnxWriter, node: Node) -> None:
    """Softmax of the device's last axis."""
    y = writer.node("Softmax", [writer.device(node.inputs[0])], axis=-1)
    writer.define(node.output, y)


def write_softmax_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """Softmax of real values."""
    return Written(writer.main("Softmax", [writer.device(str(step.inputs[0]))], axis=-1))


def write_masked_softmax(writer: OnnxWriter, node: Node) -> None:
    """Softmax behind a Where, whose number for what is left out makes a row of nothing else uniform."""
    assert isinstance(node.op, MaskedSoftmax)
    x, mask = (writer.device(name) for name in node.inputs)
    writer.define(node.output, writer.node("Softmax", [_masked(writer, x, mask)], axis=-1))


def write_masked_softmax_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """Softmax of real values behind a Where."""
    x, mask = (writer.device(str(index)) for index in step.inputs)
    return Written(writer.main("Softmax", [_masked(writer, x, mask)], axis=-1))


def _masked(writer: OnnxWriter, x: str, mask: str) -> str:
    lowest = writer.constant(np.array(-1e9, np.float32))
    return writer.node("Where", [as_truth(writer, mask), x, lowest])


FAMILY = Family(
    readers=(Reader(read_softmax, ("Softmax",), LAYER),),
    integer_forms=(IntegerForm(f"{MICROSOFT}.QLinearSoftmax", "Softmax", (0,), 3, ("axis",), changed_in=13),),
    writers={Softmax: write_softmax, MaskedSoftmax: write_masked_softmax},
    step_writers={SoftmaxStep: write_softmax_step, MaskedSoftmaxStep: write_masked_softmax_step},
    wide_steps=frozenset({SoftmaxStep}),
)

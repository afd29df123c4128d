"""Scales and shifts, which are what a normalization is at inference; no step computes them."""

from __future__ import annotations

import numpy as np

from mcuq.ir.graph import Node
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.onnxio.standard import TO_NCHW
from mcuq.ops.affine import Affine
from mcuq.ops.onnx.emit import emit_affine, emit_uniform
from mcuq.ops.onnx.family import Family


def read_batch_normalization(ctx: ImportContext, node: OnnxNode) -> None:
    """BatchNormalization at inference, in float64: a = gamma / sqrt(var + eps), b = beta - mean a."""
    x = ctx.activation(node.input(0))
    if node.get_int("training_mode", 0):
        raise unsupported("it is in training mode", "export the model for inference (model.eval())")
    if node.get_int("spatial", 1) != 1:
        raise unsupported("it has spatial=0", "export with opset 9 or newer")
    roles = ("scale", "bias", "mean", "variance")
    gamma, beta, mean, var = (
        ctx.weights(node.input(index + 1) or "", role).astype(np.float64) for index, role in enumerate(roles)
    )
    shape = ctx.shape(x)
    if len(shape) < 2 or any(array.shape != (shape[1],) for array in (gamma, beta, mean, var)):
        raise Refused(
            "M006", f"parameters {[a.shape for a in (gamma, beta, mean, var)]} and input {shape} do not fit",
            "export the model again",
        )  # fmt: skip
    spread = var + node.get_finite("epsilon", 1e-5)
    if (spread <= 0).any():
        raise Refused("M005", f"its variance plus epsilon is {spread.min():g}", "train or export it again")
    a = gamma / np.sqrt(spread)
    emit_affine(ctx, x, 1, a, beta - mean * a, node.output)


def read_neg(ctx: ImportContext, node: OnnxNode) -> None:
    """Neg: a scale of -1, folded into the layer before it where there is one."""
    emit_uniform(ctx, ctx.activation(node.input(0)), -1.0, 0.0, node.output)


def write_affine(writer: OnnxWriter, node: Node) -> None:
    """Mul and Add, in the layout of the input."""
    assert isinstance(node.op, Affine)
    x, is_nchw = writer.as_stored(node.inputs[0])
    rank = len(writer.shape(node.inputs[0]))
    axis = TO_NCHW.index(node.op.axis) if is_nchw else node.op.axis
    shape = [-1 if each == axis else 1 for each in range(rank)]
    a, b = (writer.constant(writer.graph.constants[name].reshape(shape)) for name in node.inputs[1:])
    y = writer.node("Add", [writer.node("Mul", [x, a]), b])
    writer.define(node.output, y, is_nchw=is_nchw)


FAMILY = Family(
    readers=(Reader(read_batch_normalization, ("BatchNormalization",)), Reader(read_neg, ("Neg",))),
    writers={Affine: write_affine},
)

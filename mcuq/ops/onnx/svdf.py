"""The two halves of SVDF as float nodes; ONNX has no operator of the kind."""

from __future__ import annotations

import numpy as np

from mcuq.ir.graph import Node
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.ops.onnx.family import Family
from mcuq.ops.svdf import SvdfFeature, SvdfFeatureStep, SvdfTime, SvdfTimeStep


def write_svdf_feature(writer: OnnxWriter, node: Node) -> None:
    """A matrix product behind all but the oldest values of the memory."""
    op, (x, state) = node.op, node.inputs
    assert isinstance(op, SvdfFeature)
    weights = op.real_weights()
    filters, (rows, size) = len(weights), writer.shape(state)
    newest = writer.node("MatMul", [writer.device(x), writer.constant(weights.T)])
    newest = writer.reshape(newest, (rows, filters, 1))
    if size > filters:
        older = writer.reshape(writer.device(state), (rows, filters, size // filters))
        begin, end, axis = (writer.constant(np.array([each], np.int64)) for each in (1, size // filters, 2))
        newest = writer.node("Concat", [writer.node("Slice", [older, begin, end, axis]), newest], axis=2)
    writer.define(node.output, writer.reshape(newest, (rows, size)))


def write_svdf_time(writer: OnnxWriter, node: Node) -> None:
    """Products, a sum for each unit, and the bias."""
    op = node.op
    assert isinstance(op, SvdfTime)
    rows, size = writer.shape(node.inputs[0])
    products = writer.node(
        "Mul", [writer.device(node.inputs[0]), writer.constant(op.real_weights().reshape(1, -1))]
    )
    products = writer.reshape(products, (rows, len(op.bias), size // len(op.bias)))
    axes = writer.constant(np.array([2], np.int64))
    sums = writer.node("ReduceSum", [products, axes], keepdims=0)
    writer.define(node.output, writer.node("Add", [sums, writer.constant(op.real_bias())]))


FAMILY = Family(
    writers={SvdfFeature: write_svdf_feature, SvdfTime: write_svdf_time},
    unwritten=frozenset({SvdfFeatureStep, SvdfTimeStep}),
)

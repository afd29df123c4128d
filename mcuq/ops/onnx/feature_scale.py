"""Scale and shift of features."""

from __future__ import annotations

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.types import Array
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused
from mcuq.ops.feature_scale import FeatureScale, FeatureScaleStep
from mcuq.ops.onnx.emit import emit_affine
from mcuq.ops.onnx.family import Family


def read_scaler(ctx: ImportContext, node: OnnxNode) -> None:
    """Scaler, `(x - offset) scale` along the last axis, folded into the layer behind it or a step."""
    x = ctx.activation(node.input(0))
    channels = ctx.shape(x)[-1] if ctx.shape(x) else 0
    offset, scale = (_per_channel(node, name, channels) for name in ("offset", "scale"))
    emit_affine(ctx, x, len(ctx.shape(x)) - 1, scale, -offset * scale, node.output)


def _per_channel(node: OnnxNode, name: str, channels: int) -> Array:
    values = np.asarray(node.get_floats(name) or (), np.float64)
    if values.size not in (1, channels) or not channels:
        raise Refused(
            "M006", f"{name} has {values.size} values for {channels} features", "export the model again"
        )
    return np.broadcast_to(values, (channels,))


def write_feature_scale(writer: OnnxWriter, node: Node) -> None:
    """Mul and Add."""
    assert isinstance(node.op, FeatureScale)
    scale, shift = (writer.constant(np.array(each)) for each in (node.op.scale, node.op.shift))
    product = writer.node("Mul", [writer.device(node.inputs[0]), scale])
    writer.define(node.output, writer.node("Add", [product, shift]))


FAMILY = Family(
    readers=(Reader(read_scaler, ("ai.onnx.ml.Scaler",)),),
    writers={FeatureScale: write_feature_scale},
    unwritten=frozenset({FeatureScaleStep}),
)

"""The quantizations that stay in the float graph."""

from __future__ import annotations

from mcuq.onnxio.context import ImportContext
from mcuq.onnxio.node import OnnxNode
from mcuq.ops.table import Requantize


def import_dequantize(ctx: ImportContext, node: OnnxNode) -> None:
    """DequantizeLinear, and QuantizeLinear before it: the parameters of the tensor between them."""
    # `dequantize` leaves those that must not be merged with what is beside them.
    ctx.emit(Requantize(), (ctx.activation(node.input(0)),), node.output)

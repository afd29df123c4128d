"""Fully connected layers: Gemm and MatMul with constant weights."""

from __future__ import annotations

import numpy as np

from mcuq.ir.types import Array
from mcuq.onnxio.context import ImportContext
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.ops.linear import Linear


def import_gemm(ctx: ImportContext, node: OnnxNode) -> None:
    """Gemm, `alpha x B + beta C`, with constant B and C."""
    x = ctx.activation(node.input(0))
    weight_name, bias_name = node.input(1) or "", node.input(2)
    if node.get_int("transA", 0):
        raise unsupported("it has transA=1", "transpose the input before the layer")
    weights = ctx.weights(weight_name, "weights")
    if weights.ndim != 2 or len(ctx.shape(x)) != 2:
        raise Refused(
            "M006", f"input {ctx.shape(x)} and weights {weights.shape} are no matrices", "export again"
        )
    if not node.get_int("transB", 0):
        weights = weights.T
    scaled = _scale(weights, node.get_float("alpha", 1.0))
    bias = np.zeros(len(weights), np.float32)
    if bias_name is not None:
        bias = _scale(ctx.weights(bias_name, "bias"), node.get_float("beta", 1.0))
    w = ctx.store(scaled, weight_name)
    b = ctx.store(_vector(bias, len(weights)), bias_name or f"{node.output} [bias]")
    ctx.emit(Linear(), (x, w, b), node.output)


def _scale(array: Array, factor: float) -> Array:
    """The product in float64, or the array itself."""
    return array if factor == 1.0 else np.asarray(array.astype(np.float64) * factor)


def _vector(bias: Array, channels: int) -> Array:
    """A Gemm's C as one value per output channel."""
    if bias.ndim > 2 or bias.shape[-1:] not in ((), (1,), (channels,)):
        raise Refused("M006", f"bias {bias.shape} does not fit {channels} outputs", "export the model again")
    rows = np.broadcast_to(bias, (*bias.shape[:-1], channels)).reshape(-1, channels)
    if not (rows == rows[0]).all():
        raise unsupported("its bias differs from row to row", "use a bias with one value per output")
    return np.asarray(rows[0])


def import_matmul(ctx: ImportContext, node: OnnxNode) -> None:
    """MatMul of an activation and a constant matrix."""
    x = ctx.activation(node.input(0))
    weight_name = node.input(1) or ""
    weights = ctx.weights(weight_name, "second operand")
    rank = len(ctx.shape(x))
    while weights.ndim > 2 and weights.shape[0] == 1 and weights.ndim <= rank:
        weights = weights[0]
    if weights.ndim not in (1, 2):
        raise unsupported(f"its weights have shape {weights.shape}", "use a matrix of weights")
    w = ctx.store(weights.T if weights.ndim == 2 else weights[None, :], weight_name)
    b = ctx.store(np.zeros(weights.shape[1] if weights.ndim == 2 else 1, np.float32), f"{node.output} [bias]")
    if weights.ndim == 2:
        ctx.emit(Linear(), (x, w, b), node.output)
    else:
        y = ctx.emit(Linear(), (x, w, b), ctx.temporary(node.output, "nhwc"))
        ctx.reshape(y, ctx.shape(y)[:-1], node.output)

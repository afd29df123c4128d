"""Activation functions: Relu, Clip, Softmax."""

from __future__ import annotations

import math

import numpy as np

from mcuq.ir.op import Clamp
from mcuq.onnxio.context import ImportContext
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.read_inputs import normalize_axis, read_scalar
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.ops.softmax import Softmax
from mcuq.ops.unary import Clip

_LARGEST = float(np.finfo(np.float32).max)


def import_relu(ctx: ImportContext, node: OnnxNode) -> None:
    """Relu, a clamp to [0, inf]."""
    ctx.emit(Clip(Clamp(0.0, math.inf)), (ctx.activation(node.input(0)),), node.output)


def import_clip(ctx: ImportContext, node: OnnxNode) -> None:
    """Clip, with limits as attributes (to opset 10) or inputs."""
    x = ctx.activation(node.input(0))
    lo, hi = -math.inf, math.inf
    if ctx.opset < 11:
        lo, hi = node.get_float("min", lo), node.get_float("max", hi)
    else:
        lo_name, hi_name = node.input(1), node.input(2)
        lo = lo if lo_name is None else read_scalar(ctx, lo_name, "min")
        hi = hi if hi_name is None else read_scalar(ctx, hi_name, "max")
    if math.isnan(lo) or math.isnan(hi):
        raise Refused("M005", f"its limits are {lo} and {hi}", "export the model again")
    # The largest float32 is the standard's way of saying no limit. Where min > max, every value becomes max.
    lo = -math.inf if lo <= -_LARGEST else lo
    hi = math.inf if hi >= _LARGEST else hi
    ctx.emit(Clip(Clamp(min(lo, hi), hi)), (x,), node.output)


def import_softmax(ctx: ImportContext, node: OnnxNode) -> None:
    """Softmax along one axis (from opset 13) or over all from `axis` on (before)."""
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    rank = len(shape)
    axis = normalize_axis(node.get_int("axis", -1 if ctx.opset >= 13 else 1), rank)
    if axis == rank - 1:
        ctx.emit(Softmax(), (x,), node.output)
    elif ctx.opset >= 13:
        perm = (*(other for other in range(rank) if other != axis), axis)
        x = ctx.transpose(x, perm, ctx.temporary(node.output, "in"))
        y = ctx.emit(Softmax(), (x,), ctx.temporary(node.output, "nhwc"))
        ctx.transpose(y, tuple(int(i) for i in np.argsort(perm)), node.output)
    else:
        flat = (math.prod(shape[:axis]), math.prod(shape[axis:]))
        x = ctx.reshape(x, flat, ctx.temporary(node.output, "in"))
        y = ctx.emit(Softmax(), (x,), ctx.temporary(node.output, "flat"))
        ctx.reshape(y, shape, node.output)


def import_log_softmax(ctx: ImportContext, node: OnnxNode) -> None:
    """LogSoftmax is refused: its values have no lower limit, and order and class are those of its input."""
    raise unsupported(
        "a logarithm of probabilities has no useful int8 scale",
        "train with it, but export the model without it or with Softmax in its place",
    )

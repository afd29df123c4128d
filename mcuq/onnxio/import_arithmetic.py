"""Addition of tensors, and scale and shift by constants: BatchNormalization, Mul, Add, Sub, Div."""

from __future__ import annotations

import numpy as np

from mcuq.ir.types import Array, Float64, Shape
from mcuq.onnxio.context import ImportContext
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.ops.affine import Affine
from mcuq.ops.arithmetic import Add


def import_batch_normalization(ctx: ImportContext, node: OnnxNode) -> None:
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
    spread = var + node.get_float("epsilon", 1e-5)
    if (spread <= 0).any():
        raise Refused("M005", f"its variance plus epsilon is {spread.min():g}", "train or export it again")
    a = gamma / np.sqrt(spread)
    _emit_affine(ctx, node, x, 1, a, beta - mean * a)


def import_mul(ctx: ImportContext, node: OnnxNode) -> None:
    """Mul by a constant."""
    x, c = _split(ctx, node)
    _emit_broadcast(ctx, node, x, c, 0.0)


def import_div(ctx: ImportContext, node: OnnxNode) -> None:
    """Div by a constant."""
    x, c = _split(ctx, node)
    if ctx.is_constant(node.inputs[0]):
        raise unsupported("it divides a constant by a tensor", "avoid the division")
    if (c == 0).any():
        raise Refused("M005", "it divides by zero", "train or export the model again")
    _emit_broadcast(ctx, node, x, 1.0 / c, 0.0)


def import_add(ctx: ImportContext, node: OnnxNode) -> None:
    """Add of a constant, or of two tensors of one shape."""
    if any(ctx.is_constant(name) for name in node.inputs):
        x, c = _split(ctx, node)
        _emit_broadcast(ctx, node, x, 1.0, c)
        return
    a, b = ctx.activation(node.input(0)), ctx.activation(node.input(1))
    if ctx.shape(a) != ctx.shape(b):
        raise unsupported(
            f"it broadcasts {ctx.shape(a)} and {ctx.shape(b)}", "expand both operands to one shape"
        )
    ctx.emit(Add(), (a, b), node.output)


def import_sub(ctx: ImportContext, node: OnnxNode) -> None:
    """Sub with a constant on either side."""
    x, c = _split(ctx, node)
    if ctx.is_constant(node.inputs[0]):
        _emit_broadcast(ctx, node, x, -1.0, c)
    else:
        _emit_broadcast(ctx, node, x, 1.0, -c)


def _split(ctx: ImportContext, node: OnnxNode) -> tuple[str, Float64]:
    """The tensor and the constant of a node with one of each."""
    first, second = node.input(0), node.input(1)
    if first is None or second is None:
        raise Refused("M002", "an input is missing", "export the model again")
    if ctx.is_constant(first) == ctx.is_constant(second):
        raise unsupported("neither operand is a constant", "only Add takes two tensors")
    x, c = (second, first) if ctx.is_constant(first) else (first, second)
    return x, ctx.weights(c, "constant operand").astype(np.float64)


def _emit_broadcast(
    ctx: ImportContext, node: OnnxNode, x: str, scale: Float64 | float, shift: Float64 | float
) -> None:
    """Add `x * scale + shift` where the constants differ along one axis at most."""
    shape = ctx.shape(x)
    constant = np.asarray(scale if np.ndim(scale) else shift)
    axis = _varying_axis(constant, shape)
    a = np.broadcast_to(np.asarray(scale, np.float64).reshape(-1), (shape[axis],))
    b = np.broadcast_to(np.asarray(shift, np.float64).reshape(-1), (shape[axis],))
    _emit_affine(ctx, node, x, axis, a, b)


def _varying_axis(constant: Array, shape: Shape) -> int:
    """The axis along which a constant differs; the channel axis for a scalar."""
    if not shape:
        raise unsupported("it works on a scalar", "give it a tensor with axes")
    aligned = (1,) * (len(shape) - constant.ndim) + constant.shape
    axes = [axis for axis, size in enumerate(aligned) if size != 1]
    if len(aligned) > len(shape) or any(aligned[axis] != shape[axis] for axis in axes):
        raise unsupported(
            f"its constant {constant.shape} makes the tensor {shape} larger", "expand the tensor first"
        )
    if len(axes) > 1:
        raise unsupported(
            f"its constant {constant.shape} differs along {len(axes)} axes", "use one value per channel"
        )
    if axes:
        return axes[0]
    return 1 if len(shape) > 2 else len(shape) - 1


def _emit_affine(ctx: ImportContext, node: OnnxNode, x: str, axis: int, a: Array, b: Array) -> None:
    """Add an Affine; its constants stay in float64 until the last pass rounds what they were folded into."""
    scale = ctx.store(np.asarray(a), f"{node.output} [scale]")
    shift = ctx.store(np.asarray(b), f"{node.output} [shift]")
    ctx.emit(Affine(axis), (x, scale, shift), node.output)

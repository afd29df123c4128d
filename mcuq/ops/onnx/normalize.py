"""Normalizations at run time: of layers, instances and groups, by root mean square or Euclidean length."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mcuq.ir.expression import X
from mcuq.ir.graph import Node
from mcuq.ir.layout import invert
from mcuq.ir.program import Step
from mcuq.ir.types import Array, Float64, Shape
from mcuq.onnxio.export.limits import clamped, limited_codes
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import LAYER
from mcuq.onnxio.importers.parameters import normalize_axis
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused
from mcuq.ops.arithmetic import Add, Mul
from mcuq.ops.normalize import Normalize, NormalizeStep
from mcuq.ops.onnx.emit import reshape, transpose
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.functions import apply
from mcuq.ops.pool import Mean
from mcuq.ops.table import Table
from mcuq.ops.window import Window

# What keeps a group of zeros from 0 / 0, and changes nothing else.
_SMALLEST = 1e-30


def read_layer_normalization(ctx: ImportContext, node: OnnxNode) -> None:
    """LayerNormalization over the last axes, with constant scale and bias, and its mean and deviation."""
    _over_last_axes(ctx, node, is_centred=True)
    wanted = [(name if name in ctx.used else "") for name in (*node.outputs[1:], "", "")]
    if any(wanted):
        _moments(ctx, node, wanted[0], wanted[1])


def _moments(ctx: ImportContext, node: OnnxNode, mean: str, deviation: str) -> None:
    """Add the mean of every group and the reciprocal of its deviation, where they are wanted."""
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    axis = normalize_axis(node.get_int("axis", -1), len(shape))
    left = (*shape[:axis], *(1 for _ in shape[axis:]))
    names = [ctx.temporary(node.output, role) for role in ("mean", "rest", "squares", "variance")]
    mean = _mean_behind(ctx, x, axis, left, mean or names[0])
    if not deviation:
        return
    rest = ctx.emit(Add(is_subtraction=True), (x, mean), names[1], is_helper=True)
    squares = ctx.emit(Table(apply("mul", X, X)), (rest,), names[2], is_helper=True)
    variance = _mean_behind(ctx, squares, axis, left, names[3])
    root = apply("sqrt", apply("add", X, _epsilon(node)))
    ctx.emit(Table(apply("reciprocal", root)), (variance,), deviation, is_helper=True)


def _mean_behind(ctx: ImportContext, x: str, axis: int, out: Shape, output: str) -> str:
    """Add the mean over all axes from one on."""
    shape = ctx.shape(x)
    image = (1, math.prod(shape[:axis]), math.prod(shape[axis:]), 1)
    x = reshape(ctx, x, image, ctx.temporary(output, "in 4d"))
    y = ctx.emit(Mean(Window((1, image[2]))), (x,), ctx.temporary(output, "4d"), is_helper=True)
    return reshape(ctx, y, out, output)


def read_rms_normalization(ctx: ImportContext, node: OnnxNode) -> None:
    """RMSNormalization over the last axes, with a constant scale."""
    _over_last_axes(ctx, node, is_centred=False)


def _over_last_axes(ctx: ImportContext, node: OnnxNode, *, is_centred: bool) -> None:
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    axis = normalize_axis(node.get_int("axis", -1), len(shape))
    gain = _parameter(ctx, node, 1, "scale", shape[axis:])
    shift = _parameter(ctx, node, 2, "bias", shape[axis:]) if node.input(2) else np.zeros_like(gain)
    op = Normalize(axis, _floats(gain), _floats(shift), _epsilon(node), is_centred=is_centred)
    _emit_flat(ctx, op, x, axis, node.output)


def _emit_flat(ctx: ImportContext, op: Normalize, x: str, axis: int, output: str) -> None:
    """Normalize over all axes from one on."""
    shape = ctx.shape(x)
    if axis == len(shape) - 1:
        ctx.emit(op, (x,), output)
        return
    flat = (*shape[:axis], math.prod(shape[axis:]))
    x = reshape(ctx, x, flat, ctx.temporary(output, "in"))
    y = ctx.emit(op, (x,), ctx.temporary(output, "flat"))
    reshape(ctx, y, shape, output)


def read_instance_normalization(ctx: ImportContext, node: OnnxNode) -> None:
    """InstanceNormalization with constant scale and bias."""
    shape = ctx.shape(ctx.activation(node.input(0)))
    if len(shape) < 3:
        raise Refused("M006", f"its input {shape} has no image", "export the model again")
    gain, shift = (_parameter(ctx, node, 1 + i, role, shape[1:2]) for i, role in enumerate(("scale", "bias")))
    _emit_groups(ctx, node, shape[1], gain, shift)


def read_group_normalization(ctx: ImportContext, node: OnnxNode) -> None:
    """GroupNormalization (from opset 21) with constant scale and bias."""
    shape = ctx.shape(ctx.activation(node.input(0)))
    groups = node.get_int("num_groups", 0)
    if len(shape) < 2 or groups < 1 or shape[1] % groups:
        raise Refused("M006", f"its input {shape} has no {groups} groups", "export the model again")
    gain, shift = (_parameter(ctx, node, 1 + i, role, shape[1:2]) for i, role in enumerate(("scale", "bias")))
    _emit_groups(ctx, node, groups, gain, shift)


def _emit_groups(ctx: ImportContext, node: OnnxNode, groups: int, gain: Float64, shift: Float64) -> None:
    """Normalize groups of the channels, axis 1, over all axes behind."""
    x = ctx.activation(node.input(0))
    rank = len(ctx.shape(x))
    perm = (0, *range(2, rank), 1)
    x = transpose(ctx, x, perm, ctx.temporary(node.output, "in nhwc"))
    op = Normalize(1, _floats(gain), _floats(shift), _epsilon(node), groups)
    y = ctx.emit(op, (x,), ctx.temporary(node.output, "nhwc"))
    transpose(ctx, y, invert(perm), node.output)


def read_lp_normalization(ctx: ImportContext, node: OnnxNode) -> None:
    """LpNormalization by length (p = 2), a root mean square, scaled; by the sum of magnitudes (p = 1)."""
    x = ctx.activation(node.input(0))
    rank = len(ctx.shape(x))
    axis = normalize_axis(node.get_int("axis", -1), rank)
    if (p := node.get_int("p", 2)) == 1:
        emit_by_magnitudes(ctx, x, axis, node.output)
        return
    if p != 2:
        raise Refused("M002", f"its p is {p}", "export the model again")
    count = ctx.shape(x)[axis]
    op = Normalize(rank - 1, (count**-0.5,) * count, (0.0,) * count, 0.0, is_centred=False)
    if axis == rank - 1:
        ctx.emit(op, (x,), node.output)
        return
    perm = (*(other for other in range(rank) if other != axis), axis)
    x = transpose(ctx, x, perm, ctx.temporary(node.output, "in"))
    y = ctx.emit(op, (x,), ctx.temporary(node.output, "nhwc"))
    transpose(ctx, y, invert(perm), node.output)


def emit_by_magnitudes(ctx: ImportContext, x: str, axis: int, output: str) -> None:
    """Divide by the sum of magnitudes along an axis."""
    shape = ctx.shape(x)
    roles = ("magnitudes", "in", "mean", "in shape", "reciprocal")
    names = [ctx.temporary(output, role) for role in roles]
    values = ctx.emit(Table(apply("abs", X)), (x,), names[0], is_helper=True)
    image = (1, math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :]))
    values = reshape(ctx, values, image, names[1])
    mean = ctx.emit(Mean(Window((1, shape[axis]))), (values,), names[2], is_helper=True)
    mean = reshape(ctx, mean, (*shape[:axis], 1, *shape[axis + 1 :]), names[3])
    inverse = Table(apply("reciprocal", apply("mul", X, shape[axis])))
    ctx.emit(Mul(), (x, ctx.emit(inverse, (mean,), names[4], is_helper=True)), output)


def _parameter(ctx: ImportContext, node: OnnxNode, index: int, role: str, shape: Shape) -> Float64:
    """A constant that broadcasts to the normalized axes, one value for each of their elements."""
    values = ctx.weights(node.input(index) or "", role).astype(np.float64)
    if values.ndim > len(shape) or any(
        size not in (1, full) for size, full in zip(values.shape[::-1], shape[::-1], strict=False)
    ):
        raise Refused("M006", f"its {role} {values.shape} and input do not fit", "export the model again")
    ctx.budget.take(math.prod(shape))
    return np.asarray(np.broadcast_to(values, shape).reshape(-1))


def _floats(values: Array) -> tuple[float, ...]:
    return tuple(values.tolist())


def _epsilon(node: OnnxNode) -> float:
    epsilon = node.get_finite("epsilon", 1e-5)
    if epsilon < 0:
        raise Refused("M005", f"its epsilon is {epsilon:g}", "train or export the model again")
    return epsilon


def write_normalize(writer: OnnxWriter, node: Node) -> None:
    """Means, a root and a quotient, in the layout of the device."""
    op, x = node.op, node.inputs[0]
    assert isinstance(op, Normalize)
    affine = np.array(op.gain), np.array(op.shift)
    y = _written(writer, x, op, op.epsilon, affine)
    writer.define(node.output, clamped(writer, y, op.clamp))


def _written(
    writer: OnnxWriter, x: str, op: Normalize | NormalizeStep, epsilon: float, affine: tuple[Array, Array]
) -> str:
    """Normalized real values of a tensor, scaled and shifted."""
    shape = writer.shape(x)
    outer, positions = math.prod(shape[: op.lead]), math.prod(shape[op.lead : -1])
    y = writer.reshape(writer.device(x), (outer, positions, op.groups, shape[-1] // op.groups))
    if op.is_centred:
        y = writer.node("Sub", [y, writer.mean(y, (1, 3))])
    variance = writer.mean(writer.node("Mul", [y, y]), (1, 3))
    least = writer.constant(np.array(max(epsilon, _SMALLEST), np.float32))
    root = writer.node("Sqrt", [writer.node("Add", [variance, least])])
    y = writer.reshape(writer.node("Div", [y, root]), shape)
    gain, shift = (writer.constant(each) for each in affine)
    return writer.node("Add", [writer.node("Mul", [y, gain]), shift])


def write_normalize_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """The float form with the real values of epsilon, gains and biases."""
    op, x = step.op, str(step.inputs[0])
    assert isinstance(op, NormalizeStep)
    unit = op.requant.multiplier[0] * 2.0 ** (op.requant.shift[0] - 31) * writer.quant(str(step.output)).step
    affine = op.gain * (unit * 2.0**op.fraction), op.bias * unit
    epsilon = op.epsilon * (writer.quant(x).step / op.count) ** 2
    y = _written(writer, x, op, epsilon, affine)
    return Written(limited_codes(writer, step, y, op.lo, op.hi))


FAMILY = Family(
    readers=(
        Reader(read_group_normalization, ("GroupNormalization",), LAYER),
        Reader(read_instance_normalization, ("InstanceNormalization",), LAYER),
        Reader(read_layer_normalization, ("LayerNormalization",), LAYER, has_several_outputs=True),
        Reader(read_lp_normalization, ("LpNormalization",), LAYER),
        Reader(read_rms_normalization, ("RMSNormalization",), LAYER),
    ),
    writers={Normalize: write_normalize},
    step_writers={NormalizeStep: write_normalize_step},
)

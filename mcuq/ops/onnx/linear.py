"""Fully connected layers: Gemm and MatMul with constant weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.program import Step
from mcuq.ir.types import Array
from mcuq.onnxio.export.limits import clamped
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import LAYER
from mcuq.onnxio.importers.forms import IntegerForm
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.onnxio.standard import MICROSOFT
from mcuq.ops.arithmetic import Add
from mcuq.ops.linear import Linear, LinearStep
from mcuq.ops.onnx.emit import emit_uniform, reshape, transpose
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.weighted import finished, weighted_sums


def read_gemm(ctx: ImportContext, node: OnnxNode) -> None:
    """Gemm, `alpha A B + beta C`, with a constant A or B."""
    a, b = node.input(0) or "", node.input(1) or ""
    alpha, trans_a, trans_b = (
        node.get_finite("alpha", 1.0),
        node.get_int("transA", 0),
        node.get_int("transB", 0),
    )
    is_left = ctx.is_constant(a)
    # A constant on the left: (A B)^T = B^T A^T.
    x, name, is_turned = (b, a, not trans_b) if is_left else (a, b, bool(trans_a))
    is_stored_right = bool(trans_a) if is_left else not trans_b
    x, weights = ctx.activation(x or None), ctx.weights(name, "weights")
    if weights.ndim != 2 or len(ctx.shape(x)) != 2:
        raise Refused(
            "M006", f"input {ctx.shape(x)} and weights {weights.shape} are no matrices", "export again"
        )
    weights = _scale(weights.T if is_stored_right else weights, alpha)
    if is_turned:
        x = transpose(ctx, x, (1, 0), ctx.temporary(node.output, "in"))
    bias, rest = _bias(ctx, node, len(weights), is_left=is_left)
    w = ctx.store(weights, name)
    stored = ctx.store(bias, (node.input(2) if rest is None else None) or f"{node.output} [bias]")
    is_last = not is_left and rest is None
    y = ctx.emit(Linear(), (x, w, stored), node.output if is_last else ctx.temporary(node.output, "linear"))
    if is_left:
        y = transpose(ctx, y, (1, 0), node.output if rest is None else ctx.temporary(node.output, "turned"))
    if rest is not None:
        ctx.emit(Add(), (y, rest), node.output, is_helper=True)


def _scale(array: Array, factor: float) -> Array:
    """The product in float64, or the array itself."""
    return array if factor == 1.0 else np.asarray(array.astype(np.float64) * factor)


def _bias(ctx: ImportContext, node: OnnxNode, channels: int, *, is_left: bool) -> tuple[Array, str | None]:
    """A Gemm's C as one value per output channel, and what must be added behind where it is more."""
    none, name, beta = np.zeros(channels, np.float32), node.input(2), node.get_finite("beta", 1.0)
    if name is None or beta == 0.0:
        return none, None
    if not ctx.is_constant(name):
        if beta != 1.0:
            name = emit_uniform(ctx, name, beta, 0.0, ctx.temporary(node.output, "beta"), is_helper=True)
        return none, name
    bias = _scale(ctx.weights(name, "bias"), beta)
    if bias.ndim > 2:
        raise Refused("M006", f"bias {bias.shape} does not fit {channels} outputs", "export the model again")
    matrix = bias.reshape((1,) * (2 - bias.ndim) + bias.shape)
    if is_left:
        matrix = matrix.T
    if matrix.shape[1] not in (1, channels):
        raise Refused("M006", f"bias {bias.shape} does not fit {channels} outputs", "export the model again")
    if matrix.shape[0] == 0 or (matrix == matrix[0]).all():
        return np.asarray(np.broadcast_to(matrix[:1], (1, channels)).reshape(-1)), None
    return none, ctx.store(bias, name)


def read_matmul(ctx: ImportContext, node: OnnxNode) -> None:
    """MatMul of a tensor and a constant matrix on either side."""
    a, b = node.input(0) or "", node.input(1) or ""
    x, name = (b, a) if ctx.is_constant(a) else (a, b)
    x = ctx.activation(x)
    weights = ctx.weights(name, "constant factor")
    rank = len(ctx.shape(x))
    while weights.ndim > 2 and weights.shape[0] == 1 and weights.ndim <= rank:
        weights = weights[0]
    if weights.ndim not in (1, 2):
        raise unsupported(f"its weights have shape {weights.shape}", "use a matrix of weights")
    if ctx.is_constant(a):
        _emit_left(ctx, weights, x, node)
        return
    w = ctx.store(weights.T if weights.ndim == 2 else weights[None, :], name)
    bias = ctx.store(
        np.zeros(weights.shape[-1] if weights.ndim == 2 else 1, np.float32), f"{node.output} [bias]"
    )
    if weights.ndim == 2:
        ctx.emit(Linear(), (x, w, bias), node.output)
    else:
        y = ctx.emit(Linear(), (x, w, bias), ctx.temporary(node.output, "nhwc"))
        reshape(ctx, y, ctx.shape(y)[:-1], node.output)


def _emit_left(ctx: ImportContext, weights: Array, x: str, node: OnnxNode) -> None:
    """`W x` as `(x^T W^T)^T`."""
    shape = ctx.shape(x)
    rank = len(shape)
    if rank > 1:
        swapped = (*range(rank - 2), rank - 1, rank - 2)
        x = transpose(ctx, x, swapped, ctx.temporary(node.output, "in"))
    w = ctx.store(weights if weights.ndim == 2 else weights[None, :], node.input(0) or "")
    bias = ctx.store(np.zeros(ctx.tensors[w].shape[0], np.float32), f"{node.output} [bias]")
    y = ctx.emit(Linear(), (x, w, bias), ctx.temporary(node.output, "linear"))
    if rank > 1 and weights.ndim == 2:
        transpose(ctx, y, swapped, node.output)
    else:
        reshape(ctx, y, ctx.shape(y)[: -1 if weights.ndim == 1 else None], node.output)


def write_linear(writer: OnnxWriter, node: Node) -> None:
    """Gemm of a matrix, MatMul and Add of anything else."""
    assert isinstance(node.op, Linear)
    x, w, b = node.inputs
    if len(writer.shape(x)) == 2:
        y = writer.node("Gemm", [writer.device(x), writer.device(w), writer.device(b)], transB=1)
    else:
        y = writer.node("MatMul", [writer.device(x), writer.constant(writer.graph.constants[w].T)])
        y = writer.node("Add", [y, writer.device(b)])
    writer.define(node.output, clamped(writer, y, node.op.clamp))


def write_linear_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """Gemm or MatMul of codes."""
    assert isinstance(step.op, LinearStep)
    x, params = str(step.inputs[0]), step.op.params
    if len(writer.shape(x)) == 2:
        w = writer.codes(params.weights, scale, 0, f"{step.name}.weight", params.weight_type)

        def layer(operands: list[str]) -> str:
            return writer.main("Gemm", operands, transB=1)

        y = weighted_sums(writer, step, params, (writer.device(x), w), scale, (-1, 1), layer)
    else:
        w = writer.codes(
            np.ascontiguousarray(params.weights.T), scale, 1, f"{step.name}.weight", params.weight_type
        )

        def layer(operands: list[str]) -> str:
            y = writer.main("MatMul", operands[:2])
            return writer.node("Add", [y, *operands[2:]]) if operands[2:] else y

        y = weighted_sums(writer, step, params, (writer.device(x), w), scale, (1, -1), layer)
    return Written(finished(writer, step, params, y, (-1,)))


FAMILY = Family(
    readers=(
        Reader(read_gemm, ("Gemm",), LAYER, weight_axis=lambda node: 0 if node.get_int("transB", 0) else 1),
        Reader(read_matmul, ("MatMul",), LAYER, weight_axis=lambda node: -1),
    ),
    integer_forms=(
        IntegerForm("QLinearMatMul", "MatMul", (0, 3), 6),
        IntegerForm(f"{MICROSOFT}.QGemm", "Gemm", (0, 3), 7, ("alpha", "transA", "transB"), bias=6),
    ),
    writers={Linear: write_linear},
    step_writers={LinearStep: write_linear_step},
)

"""Products of two tensors that are computed at run time; those with constant weights are in linear.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.layout import Perm, identity
from mcuq.ir.program import Step
from mcuq.onnxio.export.limits import clamped, limited_codes
from mcuq.onnxio.export.qdq_rounding import real, requantized, to_double, whole
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import LAYER
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused
from mcuq.ops.arithmetic import Add
from mcuq.ops.matmul import MatMul, MatMulStep
from mcuq.ops.onnx.emit import emit_uniform, reshape
from mcuq.ops.onnx.family import Family


def read_matmul_of_tensors(ctx: ImportContext, node: OnnxNode) -> None:
    """MatMul of two tensors, or of a tensor and a constant of more than two axes, batched."""
    a, b = ctx.operand(node.input(0)), ctx.operand(node.input(1))
    shapes = ctx.shape(a), ctx.shape(b)
    if not all(shapes):
        raise Refused("M006", f"factors {shapes[0]} and {shapes[1]} do not fit", "export the model again")
    # A vector is a row on the left and a column on the right; the axis that this adds goes again.
    is_vector = tuple(len(shape) == 1 for shape in shapes)
    if is_vector[0]:
        a = reshape(ctx, a, (1, *shapes[0]), ctx.temporary(node.output, "left 2d"))
    if is_vector[1]:
        b = reshape(ctx, b, (*shapes[1], 1), ctx.temporary(node.output, "right 2d"))
    perms = identity(len(ctx.shape(a))), identity(len(ctx.shape(b)))
    if not any(is_vector):
        ctx.emit(MatMul(*perms), (a, b), node.output)
        return
    y = ctx.emit(MatMul(*perms), (a, b), ctx.temporary(node.output, "matrix"))
    lead, rows, columns = ctx.shape(y)[:-2], ctx.shape(y)[-2:-1], ctx.shape(y)[-1:]
    shape = (*lead, *(() if is_vector[0] else rows), *(() if is_vector[1] else columns))
    reshape(ctx, y, shape, node.output)


def _is_of_tensors(ctx: ImportContext, node: OnnxNode) -> bool:
    """Whether no factor is a constant that a fully connected layer could have as weights."""
    names = [node.input(index) or "" for index in (0, 1)]
    constants = [ctx.values[name] for name in names if ctx.is_constant(name)]
    rank = max((len(ctx.tensors[name].shape) for name in names if name in ctx.tensors), default=0)
    return len(constants) < 2 and all(
        max(c.shape[:-2], default=1) > 1 or c.ndim > max(rank, 2) for c in constants
    )


def read_gemm_of_tensors(ctx: ImportContext, node: OnnxNode) -> None:
    """Gemm of two tensors, `alpha A B + beta C`."""
    a, b = (ctx.activation(node.input(index)) for index in (0, 1))
    if len(ctx.shape(a)) != 2 or len(ctx.shape(b)) != 2:
        raise Refused(
            "M006", f"factors {ctx.shape(a)} and {ctx.shape(b)} are no matrices", "export the model again"
        )
    order: tuple[Perm, Perm] = ((0, 1), (1, 0))
    product = MatMul(order[node.get_int("transA", 0) != 0], order[node.get_int("transB", 0) != 0])
    alpha, beta, c = node.get_finite("alpha", 1.0), node.get_finite("beta", 1.0), node.input(2)
    is_last = c is None or beta == 0.0
    if alpha == 1.0:
        y = ctx.emit(product, (a, b), node.output if is_last else ctx.temporary(node.output, "product"))
    else:
        y = ctx.emit(product, (a, b), ctx.temporary(node.output, "product"))
        name = node.output if is_last else ctx.temporary(node.output, "alpha")
        y = emit_uniform(ctx, y, alpha, 0.0, name, is_helper=True)
    if c is None or is_last:
        return
    if ctx.is_constant(c):
        summand = ctx.store(np.asarray(ctx.weights(c, "summand") * beta), c)
    else:
        summand = c
        if beta != 1.0:
            summand = emit_uniform(ctx, c, beta, 0.0, ctx.temporary(node.output, "beta"), is_helper=True)
    ctx.emit(Add(), (y, summand), node.output, is_helper=True)


def _is_gemm_of_tensors(ctx: ImportContext, node: OnnxNode) -> bool:
    return not any(ctx.is_constant(node.input(index) or "") for index in (0, 1))


def write_matmul(writer: OnnxWriter, node: Node) -> None:
    """MatMul behind transposes, and its gain."""
    assert isinstance(node.op, MatMul)
    y = writer.node("MatMul", _factors(writer, node.inputs, (node.op.a_perm, node.op.b_perm)))
    if node.op.gain != 1.0:
        y = writer.node("Mul", [y, writer.constant(np.array(node.op.gain, np.float32))])
    writer.define(node.output, clamped(writer, y, node.op.clamp))


def _factors(writer: OnnxWriter, names: Sequence[str], perms: Sequence[Perm]) -> list[str]:
    """Both factors as the product reads them."""
    return [
        writer.device(name)
        if perm == identity(len(perm))
        else writer.transpose(writer.device(name), writer.shape(name), perm)
        for name, perm in zip(names, perms, strict=True)
    ]


def write_matmul_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """MatMul of real values with its gain, or of whole numbers in double precision."""
    op = step.op
    assert isinstance(op, MatMulStep)
    names = [str(index) for index in step.inputs]
    factors = _factors(writer, names, (op.a_perm, op.b_perm))
    a, b, output = (writer.quant(name).step for name in (*names, str(step.output)))
    if writer.is_plain:
        y = writer.main("MatMul", factors)
        multiplier, shift = op.requant.multiplier[0], op.requant.shift[0]
        gain = multiplier * 2.0 ** (shift - 31) * output / (a * b)
        if abs(gain - 1.0) > _ROUNDED:
            y = writer.node("Mul", [y, writer.constant(np.array(gain, np.float32))])
    else:
        codes = [to_double(writer, whole(writer, x, each)) for x, each in zip(factors, (a, b), strict=True)]
        total = writer.main("MatMul", codes)
        if op.limit:
            limits = (writer.exact(np.array(float(each))) for each in (-op.limit, op.limit))
            total = writer.node("Clip", [total, *limits])
        y = real(writer, requantized(writer, total, op.requant), output)
    return Written(limited_codes(writer, step, y, op.lo, op.hi))


# A gain of 1 comes back from the multiplier with an error of at most this.
_ROUNDED = 2.0**-29

FAMILY = Family(
    readers=(
        Reader(read_gemm_of_tensors, ("Gemm",), LAYER, accepts=_is_gemm_of_tensors),
        Reader(read_matmul_of_tensors, ("MatMul",), LAYER, accepts=_is_of_tensors),
    ),
    writers={MatMul: write_matmul},
    step_writers={MatMulStep: write_matmul_step},
    wide_steps=frozenset({MatMulStep}),
)

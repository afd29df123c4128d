"""BATCH_MATMUL."""

from __future__ import annotations

from mcuq.ir.types import freeze
from mcuq.onnxio.refusal import Refused
from mcuq.ops.matmul import MatMul
from mcuq.ops.tflite.constants import store_operand
from mcuq.ops.tflite.emit import emit_as_onnx
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.reader import Codes, TfliteReader
from mcuq.tflite.tensor import CONVERT_AGAIN

_OPTIONS = "BatchMatMulOptions"


def read_batch_matmul(ctx: TfliteContext, node: TfliteNode) -> None:
    """Products of matrices, of two tensors or of a tensor and a constant, each transposed or not."""
    a, b = node.input(0), node.input(1)
    if min(len(a.shape), len(b.shape)) < 2:
        raise Refused("M006", f"factors {a.shape} and {b.shape} are no matrices", CONVERT_AGAIN)
    perms = [
        (*range(rank - 2), rank - 1, rank - 2) if node.integer(_OPTIONS, field) else tuple(range(rank))
        for rank, field in ((len(a.shape), "AdjX"), (len(b.shape), "AdjY"))
    ]
    if b.is_constant and not ctx.has_codes:
        # A fully connected layer, with weights that are fitted as those of others.
        turned = ctx.temporary(node.output.name, "weights")
        ctx.values[turned] = freeze(ctx.weights(b.name, "factor").transpose(perms[1]))
        x = ctx.x(a)
        if node.integer(_OPTIONS, "AdjX"):
            emit_as_onnx(ctx, "Transpose", (x,), ctx.temporary(turned, "x"), perm=list(perms[0]))
            x = ctx.nodes[-1].output
        emit_as_onnx(ctx, "MatMul", (x, turned), node.output.name)
        return
    names = [store_operand(ctx, each, each.shape) if each.is_constant else ctx.x(each) for each in (a, b)]
    ctx.emit(MatMul(perms[0], perms[1]), (names[0], names[1]), node.output.name)


FAMILY = (TfliteReader(read_batch_matmul, ("BATCH_MATMUL",), Codes.EXACT),)

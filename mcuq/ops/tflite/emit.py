"""What many readers add: fused activations, barriers on integers, and operators that ONNX has as well."""

from __future__ import annotations

from mcuq.ir.op import Op
from mcuq.onnxio.node import fresh_node
from mcuq.ops.onnx.registry import readers
from mcuq.ops.table import Requantize
from mcuq.ops.unary import Clip
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.schema import enum_names


def activation_of(node: TfliteNode, options: str) -> str:
    """The schema's name of a fused activation."""
    value = node.integer(options, "FusedActivationFunction")
    return enum_names("ActivationFunctionType").get(value, str(value))


def emit_exact(ctx: TfliteContext, op: Op, inputs: tuple[str, ...], node: TfliteNode) -> None:
    """Add the operator that computes the node's output; on integers, no pass merges it with what reads it."""
    ctx.emit(op, inputs, node.output.name)
    keep_codes(ctx, node)


def keep_codes(ctx: TfliteContext, node: TfliteNode) -> None:
    """Let what reads the node's output see its codes; nothing is left of this once parameters are known."""
    if ctx.has_codes:
        name = node.output.name
        kept = ctx.emit(Requantize(), (name,), ctx.temporary(name, "kept"), is_helper=True)
        ctx.quants[kept], ctx.read_as[name] = node.output.quant(), kept


def emit_activation(ctx: TfliteContext, x: str, activation: str, node: TfliteNode) -> None:
    """Add a fused activation that the operator before it does not have."""
    ctx.emit(Clip(ctx.clamp(activation, node.output)), (x,), node.output.name, is_helper=True)
    keep_codes(ctx, node)


def emit_as_onnx(
    ctx: TfliteContext,
    kind: str,
    inputs: tuple[str, ...],
    output: str,
    **attributes: int | float | str | list[int],
) -> None:
    """Add what ONNX's operator of the same meaning becomes.

    Args:
        ctx: the graph under construction.
        kind: ONNX's name.
        inputs: names of tensors, or of constants among `ctx.values`.
        output: the name of the result.
        attributes: ONNX's.
    """
    readers()[kind].read(ctx, fresh_node(kind, inputs, (output,), **attributes))

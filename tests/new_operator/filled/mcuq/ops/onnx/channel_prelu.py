"""PRelu with slopes that differ from channel to channel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.program import Step
from mcuq.onnxio.export.limits import clamped, limited_codes
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import LAYER
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import unsupported
from mcuq.ops.channel_prelu import ChannelPrelu, ChannelPreluStep, has_useful_slopes
from mcuq.ops.onnx.emit import emit_spatial
from mcuq.ops.onnx.family import Family


def has_several_slopes(ctx: ImportContext, node: OnnxNode) -> bool:
    """Whether the channels of an image have slopes of their own."""
    shape, slopes = ctx.shape(node.input(0) or ""), ctx.weights(node.input(1) or "", "slope")
    is_per_channel = len(shape) == 4 and slopes.shape == (shape[1], 1, 1)
    return is_per_channel and bool((slopes != slopes.reshape(-1)[:1]).any())


def read_channel_prelu(ctx: ImportContext, node: OnnxNode) -> None:
    """PRelu of an image with one slope per channel, not negative."""
    x = ctx.activation(node.input(0))
    slopes = tuple(float(each) for each in ctx.weights(node.input(1) or "", "slope").reshape(-1))
    if not has_useful_slopes(slopes):
        raise unsupported("a slope is negative", "limit the slopes when training")
    emit_spatial(ctx, ChannelPrelu(slopes), x, (), node.output)


def _prelu(writer: OnnxWriter, tensor: str, slopes: Sequence[float]) -> tuple[str, bool]:
    x, is_nchw = writer.as_stored(tensor)
    shape = (-1, 1, 1) if is_nchw else (-1,)
    return writer.node("PRelu", [x, writer.constant(np.array(slopes, np.float32).reshape(shape))]), is_nchw


def write_channel_prelu(writer: OnnxWriter, node: Node) -> None:
    """PRelu, in the layout of the input."""
    assert isinstance(node.op, ChannelPrelu)
    y, is_nchw = _prelu(writer, node.inputs[0], node.op.slopes)
    writer.define(node.output, clamped(writer, y, node.op.clamp), is_nchw=is_nchw)


def write_channel_prelu_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """PRelu of real values, with the slopes that the multipliers stand for."""
    op = step.op
    assert isinstance(op, ChannelPreluStep)
    x, y = writer.quant(str(step.inputs[0])), writer.quant(str(step.output))
    pairs = zip(op.negative.multiplier, op.negative.shift, strict=True)
    slopes = [multiplier * 2.0 ** (shift - 31) * y.step / x.step for multiplier, shift in pairs]
    real, is_nchw = _prelu(writer, str(step.inputs[0]), slopes)
    return Written(limited_codes(writer, step, real, op.lo, op.hi), is_nchw)


FAMILY = Family(
    readers=(Reader(read_channel_prelu, ("PRelu",), LAYER, accepts=has_several_slopes),),
    writers={ChannelPrelu: write_channel_prelu},
    step_writers={ChannelPreluStep: write_channel_prelu_step},
)

"""Convolutions: ONNX's `[M, C/g, KH, KW]` weights become `[M, KH, KW, C/g]`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.program import Step
from mcuq.ir.types import Shape
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
from mcuq.ops.conv import Conv2d, ConvStep, DepthwiseStep
from mcuq.ops.onnx.emit import emit_spatial
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.volume import read_conv_3d
from mcuq.ops.onnx.weighted import finished, weighted_sums
from mcuq.ops.onnx.window import WINDOW_ATTRIBUTE_NAMES, read_axis_windows, window_attributes, window_of
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window


def read_conv(ctx: ImportContext, node: OnnxNode) -> None:
    """Conv: 1-D as 2-D with height 1, 2-D, and 3-D as 2-D with the rows of the depth as channels."""
    x = ctx.activation(node.input(0))
    weight_name, bias_name = node.input(1) or "", node.input(2)
    weights = ctx.weights(weight_name, "weights")
    shape = ctx.shape(x)
    if len(shape) not in (3, 4, 5) or weights.ndim != len(shape):
        raise _wrong_rank(shape, tuple(weights.shape))
    kernel = node.get_ints("kernel_shape") or tuple(weights.shape[2:])
    if kernel != weights.shape[2:]:
        raise Refused(
            "M002",
            f"kernel_shape is {kernel}, the weights have {weights.shape[2:]}",
            "export the model again",
        )
    groups = node.get_int("group", 1)
    if groups < 1:
        raise Refused("M002", f"group is {groups}", "export the model again")
    windows = read_axis_windows(node, kernel, shape[2:])
    bias = ctx.weights(bias_name, "bias") if bias_name else np.zeros(weights.shape[0], np.float32)
    if weights.ndim == 5:
        b = ctx.store(bias, bias_name or f"{node.output} [bias]")
        read_conv_3d(ctx, node, x, (weights, weight_name), b, windows)
        return
    if weights.ndim == 3:
        weights = weights[:, :, None, :]
    w = ctx.store(weights.transpose(0, 2, 3, 1), weight_name)
    b = ctx.store(bias, bias_name or f"{node.output} [bias]")
    emit_spatial(ctx, Conv2d(window_of(windows), groups), x, (w, b), node.output)


def _wrong_rank(shape: Shape, weights: Shape) -> Refused:
    if len(weights) != len(shape) or len(shape) < 3:
        return Refused("M006", f"input {shape} and weights {weights} do not fit", "export the model again")
    return unsupported(
        f"its input {shape} has {len(shape) - 2} spatial axes", "use 1-D, 2-D or 3-D operators"
    )


def write_conv(writer: OnnxWriter, node: Node) -> None:
    """Conv, in NCHW."""
    assert isinstance(node.op, Conv2d)
    x, w, b = node.inputs
    weights = writer.constant(writer.graph.constants[w].transpose(0, 3, 1, 2))
    y = writer.node(
        "Conv",
        [writer.nchw(x), weights, writer.device(b)],
        group=node.op.groups,
        dilations=node.op.window.dilations,
        **window_attributes(node.op.window),
    )
    writer.define(node.output, clamped(writer, y, node.op.clamp), is_nchw=True)


def write_conv_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """Conv of codes."""
    assert isinstance(step.op, ConvStep)
    return _write_step(writer, step, scale, step.op.params, step.op.window, step.op.groups)


def write_depthwise_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """Conv of codes with one group per channel."""
    assert isinstance(step.op, DepthwiseStep)
    groups = writer.shape(str(step.inputs[0]))[3]
    return _write_step(writer, step, scale, step.op.params, step.op.window, groups)


def _write_step(
    writer: QdqWriter, step: Step, scale: Sequence[float], params: WeightedParams, window: Window, groups: int
) -> Written:
    x = str(step.inputs[0])
    codes, name = params.weights.transpose(0, 3, 1, 2), f"{step.name}.weight"
    weights = writer.codes(codes, scale, 0, name, params.weight_type)
    attributes = window_attributes(window)

    def layer(operands: list[str]) -> str:
        return writer.main("Conv", operands, group=groups, dilations=window.dilations, **attributes)

    shape = (-1, 1, 1, 1)
    y = weighted_sums(writer, step, params, (writer.nchw(x), weights), scale, shape, layer)
    return Written(finished(writer, step, params, y, (-1, 1, 1)), is_nchw=True)


FAMILY = Family(
    readers=(Reader(read_conv, ("Conv",), LAYER, weight_axis=lambda node: 0),),
    integer_forms=tuple(
        IntegerForm(name, "Conv", (0, 3), 6, (*WINDOW_ATTRIBUTE_NAMES, "dilations", "group"), bias=8)
        for name in ("QLinearConv", f"{MICROSOFT}.QLinearConv")
    ),
    writers={Conv2d: write_conv},
    step_writers={ConvStep: write_conv_step, DepthwiseStep: write_depthwise_step},
)

"""Transposed convolutions: ONNX's `[C, M/g, KH, KW]` weights become `[M, KH, KW, C/g]`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.op import Op
from mcuq.ir.program import Step
from mcuq.ir.types import Array, Shape
from mcuq.onnxio.export.limits import clamped
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import Attribute, OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import LAYER
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.ops.conv import Conv2d
from mcuq.ops.onnx.emit import emit_spatial
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.weighted import finished, weighted_sums
from mcuq.ops.transposed_conv import Stamp, TransposedConv2d, TransposedConvStep
from mcuq.ops.window import Window


def read_transposed_conv(ctx: ImportContext, node: OnnxNode) -> None:
    """ConvTranspose: 1-D as 2-D with height 1, and 2-D; with strides of 1 it is a Conv."""
    x = ctx.activation(node.input(0))
    weight_name, bias_name = node.input(1) or "", node.input(2)
    weights = ctx.weights(weight_name, "weights")
    shape, groups = ctx.shape(x), node.get_int("group", 1)
    if weights.ndim != len(shape) or len(shape) < 3 or groups < 1 or len(weights) % groups:
        why = f"input {shape}, weights {weights.shape} and {groups} groups do not fit"
        raise Refused("M006", why, "export the model again")
    if len(shape) > 4:
        raise unsupported(f"its input {shape} has {len(shape) - 2} spatial axes", "use 1-D or 2-D operators")
    kernel = node.get_ints("kernel_shape") or tuple(weights.shape[2:])
    if kernel != weights.shape[2:]:
        why = f"kernel_shape is {kernel}, the weights have {weights.shape[2:]}"
        raise Refused("M002", why, "export the model again")
    stamp = _read_stamp(node, kernel, shape[2:])
    weights = _by_filter(weights if weights.ndim == 4 else weights[:, :, None], groups)
    op: Op = TransposedConv2d(stamp, groups)
    window = _as_window(stamp)
    if window is not None:
        op, weights = Conv2d(window, groups), weights[:, ::-1, ::-1]
    bias = ctx.weights(bias_name, "bias") if bias_name else np.zeros(len(weights), np.float32)
    w = ctx.store(weights, weight_name)
    b = ctx.store(bias, bias_name or f"{node.output} [bias]")
    emit_spatial(ctx, op, x, (w, b), node.output)


def _by_filter(weights: Array, groups: int) -> Array:
    """ONNX's weights `[C, M/g, KH, KW]` as `[M, KH, KW, C/g]`."""
    channels, filters, *kernel = weights.shape
    view = weights.reshape(groups, channels // groups, filters, *kernel).transpose(0, 2, 3, 4, 1)
    return view.reshape(groups * filters, *kernel, channels // groups)


def _as_window(stamp: Stamp) -> Window | None:
    """The window of the convolution that computes the same; None where inputs are apart."""
    if stamp.strides != (1, 1):
        return None
    reach = [d * (k - 1) for k, d in zip(stamp.kernel, stamp.dilations, strict=True)]
    extra = (0, 0, *stamp.extra)
    pads = [size - pad + more for size, pad, more in zip(reach * 2, stamp.pads, extra, strict=True)]
    if min(pads) < 0:
        return None
    return Window(stamp.kernel, (1, 1), (pads[0], pads[1], pads[2], pads[3]), stamp.dilations)


def _read_stamp(node: OnnxNode, kernel: tuple[int, ...], size: Shape) -> Stamp:
    """Strides, dilations and what is left out or added, of one or two axes."""
    rank = len(size)
    ones, zeros = (1,) * rank, (0,) * rank
    strides, dilations = node.get_ints("strides") or ones, node.get_ints("dilations") or ones
    extra, pads = node.get_ints("output_padding") or zeros, node.get_ints("pads") or zeros * 2
    if [len(each) for each in (kernel, strides, dilations, extra, pads)] != [rank] * 4 + [2 * rank]:
        why = (
            f"kernel {kernel}, strides {strides}, dilations {dilations}, output_padding {extra}, pads {pads}"
        )
        raise Refused("M002", f"{why} for {rank} axes", "export the model again")
    if min(*kernel, *strides, *dilations) < 1 or min(*pads, *extra) < 0:
        why = (
            f"kernel {kernel}, strides {strides}, dilations {dilations}, output_padding {extra}, pads {pads}"
        )
        raise Refused("M002", f"{why}: one is out of range", "export the model again")
    apart = [max(pair) for pair in zip(strides, dilations, strict=True)]
    if any(more >= most for more, most in zip(extra, apart, strict=True)):
        why = f"output_padding {extra} is not smaller than strides {strides} or dilations {dilations}"
        raise Refused("M002", why, "export the model again")
    full = [
        (count - 1) * stride + more + (taps - 1) * dilation + 1
        for count, stride, more, taps, dilation in zip(size, strides, extra, kernel, dilations, strict=True)
    ]
    pads = _read_pads(node, full, tuple(a * b for a, b in zip(size, strides, strict=True)), pads)
    # More outputs than sums: output_shape asks for extra ones.
    extra = tuple(more - min(pad, 0) for more, pad in zip(extra, pads[rank:], strict=True))
    if any(more >= most for more, most in zip(extra, apart, strict=True)):
        why = f"of {tuple(full)} sums it is to give {extra} more than there are"
        raise unsupported(why, "pad its output with a Pad")
    pads = tuple(max(pad, 0) for pad in pads)
    if rank == 1:
        return Stamp(
            (1, kernel[0]), (1, strides[0]), (0, pads[0], 0, pads[1]), (1, dilations[0]), (0, extra[0])
        )
    pairs = [(values[0], values[1]) for values in (kernel, strides, dilations, extra)]
    return Stamp(pairs[0], pairs[1], (pads[0], pads[1], pads[2], pads[3]), pairs[2], pairs[3])


def _read_pads(node: OnnxNode, full: Sequence[int], same: Shape, pads: tuple[int, ...]) -> tuple[int, ...]:
    """What is left out of all sums, before and behind every axis; below zero what is added.

    Source: ONNX, ConvTranspose: output_shape or auto_pad SAME decide instead of pads; the odd one stands in
    front unless auto_pad is SAME_UPPER.
    """
    auto_pad, wanted = node.get_string("auto_pad", "NOTSET"), node.get_ints("output_shape")
    if auto_pad not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise Refused("M002", f"auto_pad is '{auto_pad}'", "export the model again")
    if wanted is None and auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        wanted = same
    if wanted is None:
        return (0,) * len(pads) if auto_pad == "VALID" else pads
    if len(wanted) != len(full):
        raise Refused("M002", f"output_shape is {wanted} for {len(full)} axes", "export the model again")
    totals = [size - target for size, target in zip(full, wanted, strict=True)]
    if min(wanted) < 1 or (min(totals) < 0 and wanted is same):
        why = f"auto_pad or output_shape ask for {tuple(wanted)} of {tuple(full)} sums"
        raise unsupported(why, "pad its output with a Pad, or crop it with a Slice")
    halves = [(total // 2, total - total // 2) if total > 0 else (0, total) for total in totals]
    if auto_pad != "SAME_UPPER":
        halves = [(after, before) if after > 0 else (before, after) for before, after in halves]
    return (*(before for before, _ in halves), *(after for _, after in halves))


def _add_main(writer: OnnxWriter, operands: Sequence[str], op: TransposedConv2d | TransposedConvStep) -> str:
    """The ConvTranspose; where more is extra than a stride, zeros behind its input bring it about."""
    x, *others = operands
    stamp = op.stamp
    added = [more // stride for more, stride in zip(stamp.extra, stamp.strides, strict=True)]
    if any(added):
        sizes = writer.constant(np.array([0, 0, 0, 0, 0, 0, *added], np.int64))
        x = writer.node("Pad", [x, sizes])
    attributes: dict[str, Attribute] = {
        "kernel_shape": stamp.kernel,
        "strides": stamp.strides,
        "pads": stamp.pads,
        "dilations": stamp.dilations,
        "output_padding": [more % stride for more, stride in zip(stamp.extra, stamp.strides, strict=True)],
        "group": op.groups,
    }
    if isinstance(writer, QdqWriter):
        return writer.main("ConvTranspose", [x, *others], **attributes)
    return writer.node("ConvTranspose", [x, *others], **attributes)


def _by_channel(writer: OnnxWriter, weights: str, shape: Shape, groups: int) -> str:
    """Weights `[M, C/g, KH, KW]` of the given shape, groups > 1, as ONNX's `[C, M/g, KH, KW]`."""
    filters, channels, *kernel = shape
    split = writer.reshape(weights, (groups, filters // groups, channels, *kernel))
    moved = writer.node("Transpose", [split], perm=(0, 2, 1, 3, 4))
    return writer.reshape(moved, (groups * channels, filters // groups, *kernel))


def write_transposed_conv(writer: OnnxWriter, node: Node) -> None:
    """ConvTranspose, in NCHW."""
    assert isinstance(node.op, TransposedConv2d)
    x, w, b = node.inputs
    array, groups = writer.graph.constants[w], node.op.groups
    filters, kh, kw, channels = array.shape
    view = array.reshape(groups, filters // groups, kh, kw, channels).transpose(0, 4, 1, 2, 3)
    weights = writer.constant(view.reshape(groups * channels, filters // groups, kh, kw))
    y = _add_main(writer, [writer.nchw(x), weights, writer.device(b)], node.op)
    writer.define(node.output, clamped(writer, y, node.op.clamp), is_nchw=True)


def write_transposed_conv_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """ConvTranspose of codes; weights of several groups with scales of their own are turned at run time."""
    assert isinstance(step.op, TransposedConvStep)
    op, params, x = step.op, step.op.params, str(step.inputs[0])
    name, groups = f"{step.name}.weight", op.groups
    if groups == 1:
        codes, along = params.weights.transpose(3, 0, 1, 2), 1
    else:
        codes, along = params.weights.transpose(0, 3, 1, 2), 0
    weights = writer.codes(codes, scale, along, name, params.weight_type)
    shape = [-1 if axis == along else 1 for axis in range(4)]

    def layer(operands: list[str]) -> str:
        w = operands[1] if groups == 1 else _by_channel(writer, operands[1], codes.shape, groups)
        return _add_main(writer, [operands[0], w, *operands[2:]], op)

    y = weighted_sums(writer, step, params, (writer.nchw(x), weights), scale, shape, layer)
    return Written(finished(writer, step, params, y, (-1, 1, 1)), is_nchw=True)


FAMILY = Family(
    readers=(Reader(read_transposed_conv, ("ConvTranspose",), LAYER, weight_axis=lambda node: 1),),
    writers={TransposedConv2d: write_transposed_conv},
    step_writers={TransposedConvStep: write_transposed_conv_step},
)

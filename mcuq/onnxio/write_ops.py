"""Each operator of the graph as ONNX nodes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.op import Clamp, Op
from mcuq.onnxio.write_table import write_expression
from mcuq.onnxio.writer import FLOAT, TO_NCHW, Attribute, OnnxWriter
from mcuq.ops.affine import Affine
from mcuq.ops.argmax import ArgMax
from mcuq.ops.arithmetic import Add, Mul
from mcuq.ops.conv import Conv2d
from mcuq.ops.linear import Linear
from mcuq.ops.move import Concat, Reshape, Slice, Transpose
from mcuq.ops.pad import Pad
from mcuq.ops.pool import AveragePool, MaxPool, Mean
from mcuq.ops.resize import ResizeNearest
from mcuq.ops.softmax import Softmax
from mcuq.ops.table import Requantize, Table
from mcuq.ops.unary import Clip
from mcuq.ops.window import Window


def write_node(writer: OnnxWriter, node: Node) -> None:
    """Add the ONNX nodes of one node."""
    _WRITERS[type(node.op)](writer, node)


def _clamped(writer: OnnxWriter, x: str, clamp: Clamp) -> str:
    if clamp.is_identity:
        return x
    if clamp == Clamp(0.0, math.inf):
        return writer.node("Relu", [x])
    limits = [
        "" if math.isinf(limit) else writer.constant(np.array(limit, np.float32))
        for limit in (clamp.lo, clamp.hi)
    ]
    return writer.node("Clip", [x, *limits])


def _window(window: Window) -> dict[str, Attribute]:
    return {"kernel_shape": window.kernel, "strides": window.strides, "pads": window.pads}


def _write_conv(writer: OnnxWriter, node: Node) -> None:
    assert isinstance(node.op, Conv2d)
    x, w, b = node.inputs
    weights = writer.constant(writer.graph.constants[w].transpose(0, 3, 1, 2))
    y = writer.node(
        "Conv",
        [writer.nchw(x), weights, writer.device(b)],
        group=node.op.groups,
        dilations=node.op.window.dilations,
        **_window(node.op.window),
    )
    writer.define(node.output, _clamped(writer, y, node.op.clamp), is_nchw=True)


def _write_linear(writer: OnnxWriter, node: Node) -> None:
    assert isinstance(node.op, Linear)
    x, w, b = node.inputs
    if len(writer.shape(x)) == 2:
        y = writer.node("Gemm", [writer.device(x), writer.device(w), writer.device(b)], transB=1)
    else:
        y = writer.node("MatMul", [writer.device(x), writer.constant(writer.graph.constants[w].T)])
        y = writer.node("Add", [y, writer.device(b)])
    writer.define(node.output, _clamped(writer, y, node.op.clamp))


def _write_max_pool(writer: OnnxWriter, node: Node) -> None:
    assert isinstance(node.op, MaxPool)
    window, x = node.op.window, writer.nchw(node.inputs[0])
    if any(pad >= taps for pad, taps in zip(window.pads, window.kernel * 2, strict=True)):
        # Right where taps are apart; onnxruntime refuses it as an attribute.
        top, left, bottom, right = window.pads
        pads = writer.constant(np.array([0, 0, top, left, 0, 0, bottom, right], np.int64))
        x = writer.node("Pad", [x, pads, writer.constant(np.array(-np.inf, np.float32))])
        window = dataclasses.replace(window, pads=(0, 0, 0, 0))
    y = writer.node("MaxPool", [x], dilations=window.dilations, **_window(window))
    writer.define(node.output, y, is_nchw=True)


def _write_average(writer: OnnxWriter, node: Node) -> None:
    assert isinstance(node.op, AveragePool | Mean)
    x = writer.nchw(node.inputs[0])
    is_included = isinstance(node.op, AveragePool) and node.op.count_include_pad
    y = writer.node("AveragePool", [x], count_include_pad=int(is_included), **_window(node.op.window))
    if isinstance(node.op, Mean):
        y = _clamped(writer, y, node.op.clamp)
    writer.define(node.output, y, is_nchw=True)


def _is_image(writer: OnnxWriter, name: str) -> bool:
    """Whether a tensor is a constant with four axes, which exists in any layout."""
    return name in writer.graph.constants and len(writer.shape(name)) == 4


def _write_anywhere(writer: OnnxWriter, node: Node) -> None:
    """Operators that work in either layout take the one their inputs exist in."""
    operands = node.inputs[:1] if isinstance(node.op, Affine) else node.inputs
    is_nchw = all(writer.has_nchw(name) or _is_image(writer, name) for name in operands)
    is_nchw = is_nchw and any(writer.has_nchw(name) for name in operands)
    get = writer.nchw if is_nchw else writer.device
    x = get(node.inputs[0])
    if isinstance(node.op, Requantize):
        y = writer.node("Identity", [x])
    elif isinstance(node.op, Clip):
        y = _clamped(writer, x, node.op.clamp)
        y = writer.node("Identity", [x]) if y == x else y
    elif isinstance(node.op, Add | Mul):
        kind = "Mul" if isinstance(node.op, Mul) else "Sub" if node.op.is_subtraction else "Add"
        y = _clamped(writer, writer.node(kind, [x, get(node.inputs[1])]), node.op.clamp)
    elif isinstance(node.op, Table):
        y = _clamped(writer, write_expression(writer, node.op.function, x), node.op.clamp)
    elif isinstance(node.op, Pad):
        order = TO_NCHW if is_nchw else range(len(node.op.pads))
        pads = [node.op.pads[axis][side] for side in (0, 1) for axis in order]
        value = writer.constant(np.array(node.op.value, np.float32))
        y = writer.node("Pad", [x, writer.constant(np.array(pads, np.int64)), value])
    else:
        assert isinstance(node.op, Affine)
        rank = len(writer.shape(node.inputs[0]))
        axis = TO_NCHW.index(node.op.axis) if is_nchw else node.op.axis
        shape = [-1 if each == axis else 1 for each in range(rank)]
        a, b = (writer.constant(writer.graph.constants[name].reshape(shape)) for name in node.inputs[1:])
        y = writer.node("Add", [writer.node("Mul", [x, a]), b])
    writer.define(node.output, y, is_nchw=is_nchw)


def _write_move(writer: OnnxWriter, node: Node) -> None:
    x = writer.device(node.inputs[0])
    if isinstance(node.op, Reshape):
        y = writer.reshape(x, node.op.shape)
    elif isinstance(node.op, Transpose):
        y = writer.node("Transpose", [x], perm=node.op.perm)
    elif isinstance(node.op, Slice):
        axes = range(len(node.op.starts))
        spans = [np.array(each, np.int64) for each in (node.op.starts, node.op.stops, axes, node.op.steps)]
        y = writer.node("Slice", [x, *map(writer.constant, spans)])
    elif isinstance(node.op, Concat):
        y = writer.node("Concat", [writer.device(name) for name in node.inputs], axis=node.op.axis)
    elif isinstance(node.op, ArgMax):
        # Every tensor of the model that is written is float32.
        y = writer.node("Cast", [writer.node("ArgMax", [x], axis=-1)], to=FLOAT)
    else:
        assert isinstance(node.op, Softmax)
        y = writer.node("Softmax", [x], axis=-1)
    writer.define(node.output, y)


def _write_resize(writer: OnnxWriter, node: Node) -> None:
    assert isinstance(node.op, ResizeNearest)
    is_nchw = writer.has_nchw(node.inputs[0])
    y = (writer.nchw if is_nchw else writer.device)(node.inputs[0])
    for axis, indices in enumerate((node.op.rows, node.op.cols), start=2 if is_nchw else 1):
        y = writer.node("Gather", [y, writer.constant(np.array(indices, np.int64))], axis=axis)
    writer.define(node.output, y, is_nchw=is_nchw)


_WRITERS: Mapping[type[Op], Callable[[OnnxWriter, Node], None]] = {
    Add: _write_anywhere,
    Affine: _write_anywhere,
    ArgMax: _write_move,
    AveragePool: _write_average,
    Clip: _write_anywhere,
    Concat: _write_move,
    Conv2d: _write_conv,
    Linear: _write_linear,
    MaxPool: _write_max_pool,
    Mean: _write_average,
    Mul: _write_anywhere,
    Pad: _write_anywhere,
    Requantize: _write_anywhere,
    Reshape: _write_move,
    ResizeNearest: _write_resize,
    Slice: _write_move,
    Softmax: _write_move,
    Table: _write_anywhere,
    Transpose: _write_move,
}

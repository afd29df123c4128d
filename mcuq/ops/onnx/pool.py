"""Pools and the mean."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.program import Step
from mcuq.ir.types import DType, Shape
from mcuq.onnxio.export.limits import clamped, limited_codes
from mcuq.onnxio.export.qdq_rounding import add_from_code_zero, real, requantized, to_double, whole
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import AVERAGING, TAKING, Effect, Values
from mcuq.onnxio.importers.forms import IntegerForm
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.onnxio.standard import MICROSOFT
from mcuq.ops.onnx.emit import emit_spatial, reshape
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.volume import read_average_pool_3d, read_max_pool_3d, without_dilation
from mcuq.ops.onnx.window import (
    WINDOW_ATTRIBUTE_NAMES,
    AxisWindow,
    read_axis_windows,
    window_attributes,
    window_of,
)
from mcuq.ops.pad import Pad
from mcuq.ops.pool import AveragePool, AveragePoolStep, MaxPool, MaxPoolStep, Mean, MeanStep
from mcuq.ops.window import Window


def read_max_pool(ctx: ImportContext, node: OnnxNode) -> None:
    """MaxPool in 1-D, 2-D and 3-D; ceil_mode becomes padding, which takes no part in a maximum."""
    x = ctx.activation(node.input(0))
    windows = _windows(ctx, node, x, ceil_mode=node.get_int("ceil_mode", 0) != 0)
    if len(windows) == 3:
        read_max_pool_3d(ctx, node, x, windows)
    else:
        emit_spatial(ctx, MaxPool(window_of(windows)), x, (), node.output)


def read_average_pool(ctx: ImportContext, node: OnnxNode) -> None:
    """AveragePool in 1-D, 2-D and 3-D; ceil_mode becomes padding that is not counted."""
    x = ctx.activation(node.input(0))
    is_included = node.get_int("count_include_pad", 0) != 0
    windows = _windows(ctx, node, x, ceil_mode=node.get_int("ceil_mode", 0) != 0)
    counted = _windows(ctx, node, x, ceil_mode=False)
    is_dilated = any(window.dilation > 1 for window in windows)
    if is_included and (windows != counted or is_dilated or len(windows) == 3):
        # The padding counts, but not what ceil_mode adds to it: only the latter is left to the pool.
        pads = ((0, 0), (0, 0), *((window.before, window.after) for window in counted))
        x = ctx.emit(Pad(pads), (x,), ctx.temporary(node.output, "padded"), is_helper=True)
        windows = [
            dataclasses.replace(window, before=0, after=window.after - each.after)
            for window, each in zip(windows, counted, strict=True)
        ]
        is_included = False
    if is_dilated:
        x, windows = without_dilation(ctx, x, windows, node.output)
    if len(windows) == 3:
        read_average_pool_3d(ctx, node, x, windows)
    else:
        emit_spatial(ctx, AveragePool(window_of(windows), is_included), x, (), node.output)


def _windows(ctx: ImportContext, node: OnnxNode, x: str, *, ceil_mode: bool) -> list[AxisWindow]:
    """The windows of a pool along each spatial axis."""
    size = _spatial(ctx.shape(x))
    kernel = node.get_ints("kernel_shape")
    if kernel is None:
        raise Refused("M002", "it has no kernel_shape", "export the model again")
    windows = read_axis_windows(node, kernel, size, ceil_mode=ceil_mode)
    if any(max(window.before, window.after) >= window.extent for window in windows):
        pads = [(window.before, window.after) for window in windows]
        raise unsupported(
            f"pads {pads} are not smaller than the kernel {kernel}: windows would be empty",
            "use pads smaller than the kernel",
        )
    return windows


def _spatial(shape: Shape) -> Shape:
    if len(shape) not in (3, 4, 5):
        raise unsupported(f"its input {shape} has {len(shape)} axes", "use 1-D, 2-D or 3-D pools")
    return shape[2:]


def _emit_global(ctx: ImportContext, node: OnnxNode, kind: type[Mean] | type[MaxPool]) -> None:
    """A pool whose window is the whole image, of which more than two axes are seen as one."""
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    if len(shape) < 3:
        raise Refused("M006", f"its input {shape} has no image", "export the model again")
    if len(shape) <= 4:
        window = Window((1, shape[2]) if len(shape) == 3 else (shape[2], shape[3]))
        emit_spatial(ctx, kind(window), x, (), node.output)
        return
    row = (*shape[:2], math.prod(shape[2:]))
    x = reshape(ctx, x, row, ctx.temporary(node.output, "row"))
    y = emit_spatial(ctx, kind(Window((1, row[2]))), x, (), ctx.temporary(node.output, "one"))
    reshape(ctx, y, (*shape[:2], *(1 for _ in shape[2:])), node.output)


def read_global_average_pool(ctx: ImportContext, node: OnnxNode) -> None:
    """GlobalAveragePool: a mean over a window of the whole image."""
    _emit_global(ctx, node, Mean)


def read_global_max_pool(ctx: ImportContext, node: OnnxNode) -> None:
    """GlobalMaxPool: a max pool over a window of the whole image."""
    _emit_global(ctx, node, MaxPool)


def write_max_pool(writer: OnnxWriter, node: Node) -> None:
    """MaxPool, in NCHW."""
    assert isinstance(node.op, MaxPool)
    window, x = node.op.window, writer.nchw(node.inputs[0])
    if any(pad >= taps for pad, taps in zip(window.pads, window.kernel * 2, strict=True)):
        # Right where taps are apart; onnxruntime refuses it as an attribute.
        top, left, bottom, right = window.pads
        pads = writer.constant(np.array([0, 0, top, left, 0, 0, bottom, right], np.int64))
        x = writer.node("Pad", [x, pads, writer.constant(np.array(-np.inf, np.float32))])
        window = dataclasses.replace(window, pads=(0, 0, 0, 0))
    y = writer.node("MaxPool", [x], dilations=window.dilations, **window_attributes(window))
    writer.define(node.output, y, is_nchw=True)


def write_average_pool(writer: OnnxWriter, node: Node) -> None:
    """AveragePool, in NCHW."""
    assert isinstance(node.op, AveragePool)
    x, is_included = writer.nchw(node.inputs[0]), int(node.op.count_include_pad)
    y = writer.node("AveragePool", [x], count_include_pad=is_included, **window_attributes(node.op.window))
    writer.define(node.output, y, is_nchw=True)


def write_mean(writer: OnnxWriter, node: Node) -> None:
    """AveragePool without padding, in NCHW."""
    assert isinstance(node.op, Mean)
    x = writer.nchw(node.inputs[0])
    y = writer.node("AveragePool", [x], count_include_pad=0, **window_attributes(node.op.window))
    writer.define(node.output, clamped(writer, y, node.op.clamp), is_nchw=True)


def write_max_pool_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """MaxPool of codes."""
    assert isinstance(step.op, MaxPoolStep)
    window, x = step.op.window, writer.nchw(str(step.inputs[0]))
    y = writer.main("MaxPool", [x], dilations=window.dilations, **window_attributes(window))
    return Written(y, is_nchw=True)


def write_average_pool_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """AveragePool, moved so that ties round as the program's do."""
    assert isinstance(step.op, AveragePoolStep)
    window, x = step.op.window, writer.nchw(str(step.inputs[0]))
    quant, taps = writer.quant(str(step.output)), window.kernel[0] * window.kernel[1]
    # A step of int16 is too small beside real values in single precision.
    is_whole = quant.dtype is DType.INT16 and not writer.is_plain
    x, unit = (whole(writer, x, quant.step), 1.0) if is_whole else (x, quant.step)
    is_included = int(step.op.count_include_pad)
    y = writer.main("AveragePool", [x], count_include_pad=is_included, **window_attributes(window))
    y = add_from_code_zero(writer, y, unit, quant.zero_point, taps)
    if is_whole:
        y = writer.node("Mul", [writer.node("Round", [y]), writer.constant(np.array(quant.step, np.float32))])
    return Written(y, is_nchw=True)


def write_mean_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """AveragePool; without `is_plain` of whole numbers, whose sum is requantized."""
    op, x = step.op, writer.nchw(str(step.inputs[0]))
    assert isinstance(op, MeanStep)
    quant, taps = writer.quant(str(step.output)), op.window.kernel[0] * op.window.kernel[1]
    if not writer.is_plain:
        x = whole(writer, x, writer.quant(str(step.inputs[0])).step)
    y = writer.main("AveragePool", [x], count_include_pad=0, **window_attributes(op.window))
    if not writer.is_plain:
        total = to_double(writer, whole(writer, y, 1 / taps))
        y = real(writer, requantized(writer, total, op.requant), quant.step)
    return Written(limited_codes(writer, step, y, op.lo, op.hi), is_nchw=True)


FAMILY = Family(
    readers=(
        Reader(read_average_pool, ("AveragePool",), AVERAGING),
        Reader(read_global_average_pool, ("GlobalAveragePool",), AVERAGING),
        Reader(read_global_max_pool, ("GlobalMaxPool",), Effect(Values.TAKEN)),
        Reader(read_max_pool, ("MaxPool",), TAKING),
    ),
    integer_forms=(
        IntegerForm(
            f"{MICROSOFT}.QLinearAveragePool",
            "AveragePool",
            (0,),
            3,
            (*WINDOW_ATTRIBUTE_NAMES, "ceil_mode", "count_include_pad"),
        ),
        IntegerForm(f"{MICROSOFT}.QLinearGlobalAveragePool", "GlobalAveragePool", (0,), 3),
    ),
    writers={AveragePool: write_average_pool, MaxPool: write_max_pool, Mean: write_mean},
    step_writers={
        AveragePoolStep: write_average_pool_step,
        MaxPoolStep: write_max_pool_step,
        MeanStep: write_mean_step,
    },
)

"""Clip and Relu."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.op import Clamp
from mcuq.ir.program import Step
from mcuq.onnxio.export.limits import clamped, limited_codes
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import Effect, Values
from mcuq.onnxio.importers.parameters import read_scalar
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused
from mcuq.ops.onnx.family import Family
from mcuq.ops.unary import Clip, ClipStep

_LARGEST = float(np.finfo(np.float32).max)


def read_relu(ctx: ImportContext, node: OnnxNode) -> None:
    """Relu, a clamp to [0, inf]."""
    ctx.emit(Clip(Clamp(0.0, math.inf)), (ctx.activation(node.input(0)),), node.output)


def read_clip(ctx: ImportContext, node: OnnxNode) -> None:
    """Clip, with limits as attributes (to opset 10) or inputs."""
    x = ctx.activation(node.input(0))
    lo, hi = -math.inf, math.inf
    if ctx.opset < 11:
        lo, hi = node.get_float("min", lo), node.get_float("max", hi)
    else:
        lo_name, hi_name = node.input(1), node.input(2)
        lo = lo if lo_name is None else read_scalar(ctx, lo_name, "min")
        hi = hi if hi_name is None else read_scalar(ctx, hi_name, "max")
    if math.isnan(lo) or math.isnan(hi):
        raise Refused("M005", f"its limits are {lo} and {hi}", "export the model again")
    # The largest float32 is the standard's way of saying no limit. Where min > max, every value becomes max.
    lo = -math.inf if lo <= -_LARGEST else lo
    hi = math.inf if hi >= _LARGEST else hi
    ctx.emit(Clip(Clamp(min(lo, hi), hi)), (x,), node.output)


def write_clip(writer: OnnxWriter, node: Node) -> None:
    """Relu or Clip, in the layout of the input."""
    assert isinstance(node.op, Clip)
    x, is_nchw = writer.as_stored(node.inputs[0])
    y = clamped(writer, x, node.op.clamp)
    y = writer.node("Identity", [x]) if y == x else y
    writer.define(node.output, y, is_nchw=is_nchw)


def write_clip_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """Relu or Clip of codes."""
    assert isinstance(step.op, ClipStep)
    x, is_nchw = writer.as_stored(str(step.inputs[0]))
    return Written(limited_codes(writer, step, x, step.op.lo, step.op.hi), is_nchw)


FAMILY = Family(
    readers=(
        # Its limits are codes too; one that is left out limits nothing.
        Reader(read_clip, ("Clip",), Effect(Values.TAKEN, takes_codes=True, codes={1: None, 2: None})),
        Reader(read_relu, ("Relu",), Effect(Values.TAKEN)),
    ),
    writers={Clip: write_clip},
    step_writers={ClipStep: write_clip_step},
)

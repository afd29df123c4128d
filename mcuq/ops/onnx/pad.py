"""Borders of one value, and of values of the tensor itself."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.program import Step
from mcuq.onnxio.export.limits import real_value
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import Effect, FindConstant, Values
from mcuq.onnxio.importers.parameters import normalize_axes, read_ints, read_scalar
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.onnxio.standard import TO_NCHW
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.resize import take_axes
from mcuq.ops.pad import Pad, PadStep


def read_pad(ctx: ImportContext, node: OnnxNode) -> None:
    """Pad in all modes: attributes (to opset 10), inputs, inputs with axes (from 18)."""
    x = ctx.activation(node.input(0))
    shape, value = ctx.shape(x), 0.0
    if ctx.opset < 11:
        pads, value = node.get_ints("pads"), node.get_float("value", 0.0)
    else:
        pads = read_ints(ctx, node.input(1) or "", "pads")
        value_name = node.input(2)
        value = 0.0 if value_name is None else read_scalar(ctx, value_name, "value")
    axes = tuple(range(len(shape)))
    axes_name = node.input(3)
    if axes_name is not None:
        axes = normalize_axes(read_ints(ctx, axes_name, "axes"), len(shape))
    if pads is None or len(pads) != 2 * len(axes):
        raise Refused("M002", f"pads {pads} for {len(axes)} axes", "export the model again")
    if min(pads, default=0) < 0:
        raise unsupported(f"pads {pads} cut values off", "pad with positive numbers")
    if math.isnan(value) or value == math.inf:
        raise Refused("M005", f"its value is {value}", "pad with a finite number")
    pairs = [(0, 0)] * len(shape)
    for position, axis in enumerate(axes):
        pairs[axis] = (pads[position], pads[position + len(axes)])
    mode = node.get_string("mode", "constant")
    if mode == "constant":
        ctx.emit(Pad(tuple(pairs), value), (x,), node.output)
        return
    ctx.limits.check_moved(tuple(size + sum(pair) for size, pair in zip(shape, pairs, strict=True)))
    maps = {axis: _repeated(mode, shape[axis], *pair) for axis, pair in enumerate(pairs) if any(pair)}
    take_axes(ctx, x, maps, node.output)


def _repeated(mode: str, size: int, before: int, after: int) -> tuple[int, ...]:
    """Where the values of a padded axis come from."""
    places = range(-before, size + after)
    if mode == "edge":
        return tuple(min(max(place, 0), size - 1) for place in places)
    if mode == "wrap":
        return tuple(place % size for place in places)
    if mode != "reflect":
        raise Refused("M002", f"its mode is '{mode}'", "export the model again")
    if max(before, after) >= size:
        raise Refused("M006", f"it reflects {before} and {after} of {size} values", "pad with less")
    # 0 1 2 3 2 1 and again: the border itself is not repeated.
    period = max(2 * (size - 1), 1)
    return tuple(min(place % period, period - place % period) for place in places)


def _has_zero_border(node: OnnxNode, constant: FindConstant) -> bool:
    """Whether a border is real zero, which every scale can express."""
    name = node.input(2)
    if name is None:
        return node.get_float("value", 0.0) == 0.0
    value = constant(name)
    return value is not None and not value.astype(np.float64).any()


def _onnx_pads(pads: Sequence[tuple[int, int]], is_nchw: bool) -> list[int]:
    """Values before every axis, then values behind."""
    order = TO_NCHW if is_nchw else range(len(pads))
    return [pads[axis][side] for side in (0, 1) for axis in order]


def write_pad(writer: OnnxWriter, node: Node) -> None:
    """Pad, in the layout of the input."""
    assert isinstance(node.op, Pad)
    x, is_nchw = writer.as_stored(node.inputs[0])
    value = writer.constant(np.array(node.op.value, np.float32))
    sizes = writer.constant(np.array(_onnx_pads(node.op.pads, is_nchw), np.int64))
    writer.define(node.output, writer.node("Pad", [x, sizes, value]), is_nchw=is_nchw)


def write_pad_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """Pad of codes."""
    assert isinstance(step.op, PadStep)
    name = str(step.inputs[0])
    x, is_nchw = writer.as_stored(name)
    value = writer.constant(np.array(real_value(writer.quant(name), step.op.value), np.float32))
    sizes = writer.constant(np.array(_onnx_pads(step.op.pads, is_nchw), np.int64))
    return Written(writer.main("Pad", [x, sizes, value]), is_nchw)


FAMILY = Family(
    readers=(
        # A border of codes that is left out is code zero, which need not be real zero.
        Reader(
            read_pad,
            ("Pad",),
            Effect(Values.TAKEN, takes_codes=True, codes={2: 0.0}, keeps_values=_has_zero_border),
        ),
    ),
    writers={Pad: write_pad},
    step_writers={PadStep: write_pad_step},
)

"""Operators that take parts of tensors and put parts together: Slice, Split, Gather, Concat."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.program import Step
from mcuq.ir.types import Shape
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import TAKING, Effect, Merging, Values
from mcuq.onnxio.importers.forms import IntegerForm
from mcuq.onnxio.importers.parameters import normalize_axes, normalize_axis, read_ints
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused
from mcuq.onnxio.standard import MICROSOFT
from mcuq.ops.move import Concat, ConcatStep, Reshape, Slice, SliceStep
from mcuq.ops.onnx.emit import reshape
from mcuq.ops.onnx.family import Family
from mcuq.ops.resize import ResizeNearest


def take(ctx: ImportContext, x: str, axis: int, indices: Sequence[int], output: str) -> str:
    """Add what keeps the given indices of one axis, in any order and also several times.

    Equal steps forward are a Slice. Anything else is a ResizeNearest of the tensor as an image whose columns
    are the axis.
    """
    shape = ctx.shape(x)
    if not indices:
        raise Refused("M006", f"it keeps nothing of axis {axis} of {shape}", "export the model again")
    step = indices[1] - indices[0] if len(indices) > 1 else 1
    last = indices[-1]
    if step > 0 and list(indices) == list(range(indices[0], last + 1, step)):
        return slice_axes(ctx, x, {axis: (indices[0], last + 1, step)}, output)
    before = math.prod(shape[:axis])
    image = (1, before, shape[axis], math.prod(shape[axis + 1 :]))
    x = reshape(ctx, x, image, ctx.temporary(output, "in 4d"))
    op = ResizeNearest(tuple(range(before)), tuple(indices))
    y = ctx.emit(op, (x,), ctx.temporary(output, "4d"))
    return reshape(ctx, y, (*shape[:axis], len(indices), *shape[axis + 1 :]), output)


def slice_axes(ctx: ImportContext, x: str, spans: dict[int, tuple[int, int, int]], output: str) -> str:
    """Add a Slice of some axes, each from start to before stop by a positive step."""
    shape = ctx.shape(x)
    full = [spans.get(axis, (0, size, 1)) for axis, size in enumerate(shape)]
    if all(span == (0, size, 1) for span, size in zip(full, shape, strict=True)):
        return ctx.emit(Reshape(shape), (x,), output)
    starts, stops, steps = zip(*full, strict=True)
    return ctx.emit(Slice(starts, stops, steps), (x,), output)


def read_slice(ctx: ImportContext, node: OnnxNode) -> None:
    """Slice, attribute (to opset 9) and input form, with negative indices and steps in both directions."""
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    spans = {
        axis: slice(start, stop, step).indices(shape[axis])
        for axis, start, stop, step in _read_slice(ctx, node, shape)
    }
    empty = [axis for axis, span in spans.items() if not range(*span)]
    if empty:
        raise Refused("M006", f"it keeps nothing of axes {empty} of {shape}", "export the model again")
    backwards = [axis for axis, span in spans.items() if span[2] < 0]
    for axis in backwards:
        x = take(ctx, x, axis, range(*spans.pop(axis)), ctx.temporary(node.output, f"axis {axis}"))
    slice_axes(ctx, x, spans, node.output)


def _read_slice(ctx: ImportContext, node: OnnxNode, shape: Shape) -> list[tuple[int, int, int, int]]:
    """Axis, start, stop and step of each sliced axis, as the file has them but for the axis."""
    if ctx.opset < 10:
        starts, ends = node.get_ints("starts") or (), node.get_ints("ends") or ()
        axes, steps = node.get_ints("axes"), None
    else:
        starts, ends = (read_ints(ctx, node.input(i) or "", role) for i, role in ((1, "starts"), (2, "ends")))
        axes_name, steps_name = node.input(3), node.input(4)
        axes = None if axes_name is None else read_ints(ctx, axes_name, "axes")
        steps = None if steps_name is None else read_ints(ctx, steps_name, "steps")
    axes = tuple(range(len(starts))) if axes is None else axes
    steps = (1,) * len(starts) if steps is None else steps
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise Refused(
            "M002",
            f"starts {starts}, ends {ends}, axes {axes} and steps {steps} do not fit",
            "export again",
        )
    return list(zip(normalize_axes(axes, len(shape)), starts, ends, steps, strict=True))


def read_split(ctx: ImportContext, node: OnnxNode) -> None:
    """Split into parts of given or equal sizes, attribute (to opset 12) and input form: a Slice for each."""
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    axis = normalize_axis(node.get_int("axis", 0), len(shape))
    sizes = _split_sizes(ctx, node, shape[axis])
    if len(sizes) != len(node.outputs) or sum(sizes) != shape[axis] or min(sizes) < 0:
        raise Refused(
            "M006",
            f"sizes {sizes} for {len(node.outputs)} outputs do not fit axis {axis} of {shape}",
            "export again",
        )
    start = 0
    for size, output in zip(sizes, node.outputs, strict=True):
        if output and size == 0:
            raise Refused("M006", f"its sizes are {sizes}: a part is empty", "export the model again")
        if output:
            slice_axes(ctx, x, {axis: (start, start + size, 1)}, output)
        start += size


def _split_sizes(ctx: ImportContext, node: OnnxNode, size: int) -> tuple[int, ...]:
    """The given sizes, or equal ones, of which the last may be smaller (from opset 18)."""
    given: tuple[int, ...] | None
    if ctx.opset < 13:
        given = node.get_ints("split")
    else:
        name = node.input(1)
        given = None if name is None else read_ints(ctx, name, "sizes")
    if given is not None:
        return given
    parts = len(node.outputs)
    if node.get_int("num_outputs", parts) != parts or (ctx.opset < 18 and size % parts):
        raise Refused("M002", f"axis of size {size} does not split into {parts} parts", "export again")
    part = -(-size // parts)
    return (*[part] * (parts - 1), size - part * (parts - 1))


def read_gather(ctx: ImportContext, node: OnnxNode) -> None:
    """Gather with constant indices along one axis."""
    x = ctx.activation(node.input(0))
    shape = ctx.shape(x)
    axis = normalize_axis(node.get_int("axis", 0), len(shape))
    array = ctx.constant(node.input(1) or "", "indices")
    if array.dtype.kind not in "iu":
        raise Refused("M002", f"its indices have type {array.dtype}", "export the model again")
    size = shape[axis]
    if array.size and not -size <= int(array.min()) <= int(array.max()) < size:
        raise Refused("M006", f"its indices leave axis {axis} of {shape}", "export the model again")
    ctx.budget.take(array.size)
    indices = [int(index) % size for index in array.reshape(-1)]
    part = take(ctx, x, axis, indices, ctx.temporary(node.output, "taken"))
    ctx.emit(Reshape((*shape[:axis], *array.shape, *shape[axis + 1 :])), (part,), node.output, is_helper=True)


def read_concat(ctx: ImportContext, node: OnnxNode) -> None:
    """Concat of tensors and constants along any axis."""
    names = tuple(ctx.operand(name or None) for name in node.inputs)
    if not names:
        raise Refused("M002", "it has no inputs", "export the model again")
    axis = normalize_axis(node.get_int("axis", 1), len(ctx.tensors[names[0]].shape))
    ctx.emit(Concat(axis), names, node.output)


def write_slice(writer: OnnxWriter, node: Node) -> None:
    """Slice of the device's axes."""
    assert isinstance(node.op, Slice)
    x = writer.device(node.inputs[0])
    spans = _spans(writer, node.op.starts, node.op.stops, node.op.steps)
    writer.define(node.output, writer.node("Slice", [x, *spans]))


def write_concat(writer: OnnxWriter, node: Node) -> None:
    """Concat along one of the device's axes."""
    assert isinstance(node.op, Concat)
    operands = [writer.device(name) for name in node.inputs]
    writer.define(node.output, writer.node("Concat", operands, axis=node.op.axis))


def write_slice_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """Slice of codes."""
    assert isinstance(step.op, SliceStep)
    x = writer.device(str(step.inputs[0]))
    spans = _spans(writer, step.op.starts, step.op.stops, step.op.steps)
    return Written(writer.main("Slice", [x, *spans]))


def write_concat_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """Concat of codes."""
    assert isinstance(step.op, ConcatStep)
    operands = [writer.device(str(index)) for index in step.inputs]
    return Written(writer.main("Concat", operands, axis=step.op.axis))


def _spans(
    writer: OnnxWriter, starts: Sequence[int], stops: Sequence[int], steps: Sequence[int]
) -> list[str]:
    """Where a slice starts and stops, its axes and its steps."""
    spans = (starts, stops, range(len(starts)), steps)
    return [writer.constant(np.array(span, np.int64)) for span in spans]


FAMILY = Family(
    readers=(
        Reader(read_concat, ("Concat",), Effect(Values.JOINED, Merging.NOTHING, takes_codes=True)),
        Reader(read_gather, ("Gather",), TAKING, reads_indices=True),
        Reader(read_slice, ("Slice",), TAKING, reads_indices=True),
        Reader(read_split, ("Split",), TAKING, has_several_outputs=True, reads_indices=True),
    ),
    integer_forms=(IntegerForm(f"{MICROSOFT}.QLinearConcat", "Concat", (), 0, ("axis",)),),
    writers={Concat: write_concat, Slice: write_slice},
    step_writers={ConcatStep: write_concat_step, SliceStep: write_slice_step},
)

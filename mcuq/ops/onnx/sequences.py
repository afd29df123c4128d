"""Recurrent operators over several sequences, or over shorter ones: one layer for each sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.parameters import read_ints
from mcuq.onnxio.node import OnnxNode, changed_node
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.ops.move import Concat, Reshape
from mcuq.ops.onnx.slice import slice_axes
from mcuq.ops.pad import Pad

# Each has weights of its own in flash.
_MAX_SEQUENCES = 16
_LENGTHS, _STATES = 4, (5, 6)  # positions of inputs

ReadOne = Callable[[ImportContext, OnnxNode], None]


def read_each(ctx: ImportContext, node: OnnxNode, read: ReadOne) -> None:
    """Add a recurrent operator, by a reader of one sequence of full length.

    Raises:
        Refused: M002, M004 or M006.
    """
    shape = ctx.shape(ctx.activation(node.input(0)))
    if len(shape) != 3:
        raise Refused("M006", f"its input has shape {shape}, expected three axes", "export the model again")
    is_batch_first = bool(node.get_int("layout", 0))
    steps, batch = (shape[1], shape[0]) if is_batch_first else shape[:2]
    name = node.input(_LENGTHS)
    lengths = (steps,) * batch if name is None else read_ints(ctx, name, "sequence_lens")
    if len(lengths) != batch or not all(0 <= length <= steps for length in lengths):
        raise Refused(
            "M006",
            f"lengths {lengths[:16]} do not fit {batch} sequences of {steps}",
            "export the model again",
        )
    if 0 in lengths:
        raise unsupported("one of its sequences is empty", "leave the sequence out")
    if batch == 1 and lengths[0] == steps:
        read(ctx, node)
        return
    if batch > _MAX_SEQUENCES:
        raise unsupported(
            f"it runs over a batch of {batch} sequences, built are up to {_MAX_SEQUENCES}",
            "export the model for one sequence, a batch of 1",
        )
    parts = [_one(ctx, node, read, b, length, is_batch_first) for b, length in enumerate(lengths)]
    for position, output in enumerate(node.outputs):
        if output:
            _join(ctx, [part[position] for part in parts], position, steps, output, is_batch_first)


def _one(
    ctx: ImportContext, node: OnnxNode, read: ReadOne, b: int, length: int, is_batch_first: bool
) -> list[str]:
    """Add the operator for one sequence; the names of its outputs, "" for those left out."""
    x = node.input(0) or ""
    batch_axis, time_axis = (0, 1) if is_batch_first else (1, 0)
    spans = {batch_axis: (b, b + 1, 1), time_axis: (0, length, 1)}
    inputs = list(node.inputs)
    inputs[0] = slice_axes(ctx, x, spans, ctx.temporary(x, f"sequence {b}"))
    for position in (_LENGTHS, *_STATES):
        if node.input(position) is not None:
            inputs[position] = (
                "" if position == _LENGTHS else _state(ctx, inputs[position], b, is_batch_first)
            )
    outputs = [ctx.temporary(name, f"sequence {b}") if name else "" for name in node.outputs]
    read(ctx, changed_node(node, inputs, outputs))
    return outputs


def _state(ctx: ImportContext, name: str, b: int, is_batch_first: bool) -> str:
    """The state that one sequence begins with."""
    shape = ctx.shape(name)
    axis = 0 if is_batch_first else 1
    if len(shape) != 3 or b >= shape[axis]:
        raise Refused("M006", f"its initial state has shape {shape}", "export the model again")
    part = ctx.temporary(name, f"sequence {b}")
    if not ctx.is_constant(name):
        return slice_axes(ctx, name, {axis: (b, b + 1, 1)}, part)
    ctx.values[part] = ctx.weights(name, "initial state").take([b], axis)
    return part


def _join(
    ctx: ImportContext, parts: Sequence[str], position: int, steps: int, output: str, is_batch_first: bool
) -> None:
    """Add an output of all sequences: hidden states, with zeros behind shorter ones, or last states."""
    if position == 0:
        parts = [_filled(ctx, part, steps, 1 if is_batch_first else 0) for part in parts]
        axis = 0 if is_batch_first else 2
    else:
        axis = 0 if is_batch_first else 1
    if len(parts) == 1:
        ctx.emit(Reshape(ctx.shape(parts[0])), (parts[0],), output, is_helper=True)
    else:
        ctx.emit(Concat(axis), tuple(parts), output, is_helper=True)


def _filled(ctx: ImportContext, y: str, steps: int, axis: int) -> str:
    """Hidden states with zeros behind the last one."""
    shape = ctx.shape(y)
    if shape[axis] == steps:
        return y
    pads = tuple((0, steps - size if each == axis else 0) for each, size in enumerate(shape))
    return ctx.emit(Pad(pads), (y,), ctx.temporary(y, "filled"), is_helper=True)

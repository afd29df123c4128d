"""Lets windows do the padding in front of them."""

from __future__ import annotations

import dataclasses
import math

from mcuq.ir.graph import Graph, Node
from mcuq.ir.layout import without_ones
from mcuq.ops.conv import Conv2d
from mcuq.ops.move import Reshape
from mcuq.ops.pad import Pad
from mcuq.ops.pool import AveragePool, MaxPool
from mcuq.ops.window import Window
from mcuq.passes.edit import GraphEdit
from mcuq.passes.refusal import refuse
from mcuq.passes.value_range import value_range

NAME = "fuse_pad"


def fuse_pad(graph: Graph) -> Graph:
    """Fuse Pad along H and W into the Conv2d, AveragePool or MaxPool behind it, where that is exact.

    Conv2d and AveragePool: the border is zero; the pool then counts taps outside the image. MaxPool: its own
    padding takes no part, so the border must not be able to win: minus infinity, or not above any value.
    """
    edit = GraphEdit(graph)
    for node in edit.sweep():
        if not isinstance(node.op, Conv2d | AveragePool | MaxPool):
            continue
        before = edit.producer(node.inputs[0])
        if before is not None and isinstance(before.op, Pad):
            _fuse(edit, before, before.op, node)
        elif before is not None and isinstance(before.op, Reshape):
            _fuse_through(edit, before, node)
    return edit.finish()


def _fuse_through(edit: GraphEdit, reshape: Node, node: Node) -> None:
    """Fuse a Pad that is seen through a reshape which only adds or removes axes of size 1."""
    before = edit.producer(reshape.inputs[0])
    if before is None or not isinstance(before.op, Pad):
        return
    padded, image = edit.shape(before.output), edit.shape(reshape.output)
    if without_ones(padded) == without_ones(image):
        pads = iter([pair for pair, size in zip(before.op.pads, padded, strict=True) if size != 1])
        _fuse(
            edit,
            before,
            Pad(tuple(next(pads) if size != 1 else (0, 0) for size in image), before.op.value),
            node,
        )


def _fuse(edit: GraphEdit, before: Node, pad: Pad, node: Node) -> None:
    assert isinstance(node.op, Conv2d | AveragePool | MaxPool)
    why = _obstacle(edit, before, pad, node)
    if why is not None:
        refuse(NAME, before.name, f"into '{node.name}': {why}")
        return
    (top, bottom), (left, right) = pad.pads[1:3]
    window = node.op.window
    old = window.pads
    window = dataclasses.replace(window, pads=(old[0] + top, old[1] + left, old[2] + bottom, old[3] + right))
    op = dataclasses.replace(node.op, window=window)
    if isinstance(op, AveragePool):
        op = dataclasses.replace(op, count_include_pad=True)
    x = before.inputs[0]
    image = edit.shape(node.inputs[0])
    inner = tuple(size - sum(pair) for size, pair in zip(image, pad.pads, strict=True))
    if edit.shape(x) != inner:
        name = edit.node_name(before.name, "reshape")
        x = edit.put(Node(name, Reshape(inner), (x,), (edit.derive(x, "4d"),)))
    edit.replace(node, op, (x, *node.inputs[1:]))


def _obstacle(edit: GraphEdit, before: Node, pad: Pad, node: Node) -> str | None:
    """Why fusing would not be exact."""
    if any(size for axis in (0, 3) for size in pad.pads[axis]):
        return "it pads batch or channels"
    op = node.op
    if isinstance(op, MaxPool):
        lo = value_range(edit, before.inputs[0])[0]
        if pad.value > -math.inf and pad.value > lo:
            return f"the border {pad.value:g} can be the maximum, values start at {lo:g}"
        # A window beyond the image would find no tap.
        return _empty_window(op.window, pad)
    if pad.value != 0:
        return f"the border is {pad.value:g}, not 0"
    if isinstance(op, AveragePool):
        if any(op.window.pads) and not op.count_include_pad:
            return "the pool has padding of its own that it does not count"
        return _empty_window(op.window, pad)
    return None


def _empty_window(window: Window, pad: Pad) -> str | None:
    for axis, (before, after) in enumerate(pad.pads[1:3]):
        extent = window.dilations[axis] * (window.kernel[axis] - 1) + 1
        if max(before + window.pads[axis], after + window.pads[axis + 2]) >= extent:
            return f"windows of {extent} would lie outside the image"
    return None

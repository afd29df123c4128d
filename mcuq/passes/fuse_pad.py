"""Lets windows do the padding in front of them."""

from __future__ import annotations

import dataclasses
import math

from mcuq.ir.graph import Graph, Node
from mcuq.ops.conv import Conv2d
from mcuq.ops.move import Pad
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
        before = edit.producer(node.inputs[0])
        if before is None or not isinstance(before.op, Pad):
            continue
        if isinstance(node.op, Conv2d | AveragePool | MaxPool):
            _fuse(edit, before, before.op, node)
    return edit.finish()


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
    edit.replace(node, op, (before.inputs[0], *node.inputs[1:]))


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

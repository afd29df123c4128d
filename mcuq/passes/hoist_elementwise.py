"""Moves activations and scales in front of operators that only move values, to the layer that does them."""

from __future__ import annotations

import dataclasses

import numpy as np

from mcuq.ir.graph import Graph, Node
from mcuq.ir.layout import axis_before_reshape
from mcuq.ir.op import Op
from mcuq.ops.affine import Affine
from mcuq.ops.move import Reshape
from mcuq.ops.pad import Pad
from mcuq.ops.pool import MaxPool
from mcuq.ops.table import Table
from mcuq.ops.unary import Clip
from mcuq.passes.edit import GraphEdit

# Longer chains of operators that only move values do not occur; the bound keeps hostile ones linear.
MAX_MOVES = 64


def hoist_elementwise(graph: Graph) -> Graph:
    """Exchange Clip with a Reshape, MaxPool or Pad before it, and Affine and Table with a Reshape.

    A maximum of clipped values is the clipped maximum, since clipping is monotone.
    """
    edit = GraphEdit(graph)
    for node in edit.sweep():
        moved: Node | None = node
        for _ in range(MAX_MOVES):
            if moved is None or not isinstance(moved.op, Clip | Affine | Table):
                break
            moved = _exchange(edit, moved)
    return edit.finish()


def _exchange(edit: GraphEdit, node: Node) -> Node | None:
    """Exchange a node with its producer; the node in its new place, None where it cannot move."""
    before = edit.producer(node.inputs[0])
    if before is None or not edit.is_private(before.output):
        return None
    pair = _exchanged(edit, before, node)
    if pair is None:
        return None
    first, second = pair
    role = "scaled" if isinstance(node.op, Affine) else "clipped" if isinstance(node.op, Clip) else "mapped"
    edit.drop(before)
    early = edit.put(
        Node(
            node.name,
            first,
            (before.inputs[0], *_resized(edit, node, first, before.inputs[0])),
            (edit.derive(before.inputs[0], role),),
        )
    )
    edit.put(Node(before.name, second, (early,), (node.output,)))
    return edit.producer(early)


def _exchanged(edit: GraphEdit, before: Node, node: Node) -> tuple[Op, Op] | None:
    """What `node` becomes in front of `before`, and what `before` becomes behind it."""
    if isinstance(node.op, Clip):
        if isinstance(before.op, Reshape | MaxPool):
            return node.op, before.op
        if isinstance(before.op, Pad):
            clamp = node.op.clamp
            return node.op, dataclasses.replace(
                before.op, value=min(max(before.op.value, clamp.lo), clamp.hi)
            )
    if isinstance(node.op, Table) and isinstance(before.op, Reshape):
        return node.op, before.op
    if isinstance(node.op, Affine) and isinstance(before.op, Reshape):
        old, new = edit.shape(before.inputs[0]), edit.shape(before.output)
        axis = axis_before_reshape(old, new, node.op.axis)
        if axis is not None:
            return Affine(axis), before.op
        if old and is_uniform(edit, node):
            return Affine(len(old) - 1), before.op
    return None


def is_uniform(edit: GraphEdit, node: Node) -> bool:
    """Whether an Affine does the same to all channels."""
    return all(bool(np.all(edit.array(name) == edit.array(name)[0])) for name in node.inputs[1:])


def _resized(edit: GraphEdit, node: Node, op: Op, x: str) -> tuple[str, ...]:
    """The constants of a node for its new place: a uniform Affine may get another number of channels."""
    if not isinstance(op, Affine):
        return node.inputs[1:]
    channels = edit.shape(x)[op.axis]
    if edit.shape(node.inputs[1]) == (channels,):
        return node.inputs[1:]
    return tuple(
        edit.constant(name, np.full(channels, edit.array(name)[0], np.float64)) for name in node.inputs[1:]
    )

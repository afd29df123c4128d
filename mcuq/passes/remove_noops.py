"""Removes operators that give back their input."""

from __future__ import annotations

import numpy as np

from mcuq.ir.graph import Graph, Node
from mcuq.ir.layout import identity
from mcuq.ops.affine import Affine
from mcuq.ops.move import Reshape, Transpose
from mcuq.ops.pad import Pad
from mcuq.ops.pool import AveragePool, MaxPool, Mean
from mcuq.ops.unary import Clip
from mcuq.ops.window import Window
from mcuq.passes.edit import GraphEdit
from mcuq.passes.value_range import value_range


def remove_noops(graph: Graph) -> Graph:
    """Remove reshapes to the same shape, void pads, clips and windows, and their like.

    The result of the model keeps the name of the output where that is possible.
    """
    edit = GraphEdit(graph)
    for node in edit.sweep():
        if not _is_noop(edit, node):
            continue
        x, y = node.inputs[0], node.output
        before = edit.producer(x)
        if edit.is_output(y) and not edit.is_output(x) and before is not None:
            edit.drop(before)
            edit.drop(node)
            edit.put(Node(before.name, before.op, before.inputs, (y,)))
            edit.move_uses(x, y)
        else:
            edit.move_uses(y, x)
            edit.drop(node)
    return edit.finish()


def _is_noop(edit: GraphEdit, node: Node) -> bool:
    op = node.op
    if isinstance(op, Reshape):
        return op.shape == edit.shape(node.inputs[0])
    if isinstance(op, Transpose):
        return op.perm == identity(len(op.perm))
    if isinstance(op, Pad):
        return not any(size for pair in op.pads for size in pair)
    if isinstance(op, Clip):
        lo, hi = value_range(edit, node.inputs[0])
        return op.clamp.lo <= lo and hi <= op.clamp.hi
    if isinstance(op, Affine):
        a, b = (edit.array(name) for name in node.inputs[1:])
        return bool(np.all(a == 1) and np.all(b == 0))
    if isinstance(op, MaxPool | AveragePool | Mean):
        is_clamped = isinstance(op, Mean) and not op.clamp.is_identity
        return op.window == Window((1, 1), dilations=op.window.dilations) and not is_clamped
    return False

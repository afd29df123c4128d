"""Removes operators that give back their input."""

from __future__ import annotations

import functools

from mcuq.ir.graph import Graph, Node
from mcuq.passes.edit import GraphEdit
from mcuq.passes.value_range import value_range


def remove_noops(graph: Graph) -> Graph:
    """Remove reshapes to the same shape, void pads, clips and windows, and their like.

    The result of the model keeps the name of the output where that is possible.
    """
    edit = GraphEdit(graph)
    for node in edit.sweep():
        x, y = node.inputs[0], node.output
        if not node.op.is_identity(edit.view(node), functools.partial(value_range, edit, x)):
            continue
        before = edit.producer(x)
        if edit.is_output(y) and not edit.is_output(x) and before is not None:
            edit.drop(before)
            edit.drop(node)
            outputs = tuple(y if name == x else name for name in before.outputs)
            edit.put(Node(before.name, before.op, before.inputs, outputs))
            edit.move_uses(x, y)
        else:
            edit.move_uses(y, x)
            edit.drop(node)
    return edit.finish()

"""Makes one scale and shift of several in a row."""

from __future__ import annotations

import numpy as np

from mcuq.ir.graph import Graph, Node
from mcuq.ops.affine import Affine
from mcuq.passes.edit import GraphEdit


def combine_affines(graph: Graph) -> Graph:
    """Combine `c (a x + b) + d` along one axis into `(c a) x + (c b + d)`, in float64."""
    edit = GraphEdit(graph)
    for node in edit.sweep():
        if isinstance(node.op, Affine):
            _combine(edit, node, node.op)
    return edit.finish()


def _combine(edit: GraphEdit, node: Node, op: Affine) -> None:
    before = edit.producer(node.inputs[0])
    if before is None or not isinstance(before.op, Affine) or not edit.is_private(before.output):
        return
    axis = op.axis
    if before.op.axis != axis:
        if op.is_uniform(edit.view(node)):
            axis = before.op.axis
        elif not before.op.is_uniform(edit.view(before)):
            return
    channels = edit.shape(node.output)[axis]
    a, b = before.op.values(edit.view(before), channels)
    c, d = op.values(edit.view(node), channels)
    scale = edit.constant(node.inputs[1], np.asarray(c * a))
    shift = edit.constant(node.inputs[2], np.asarray(c * b + d))
    edit.drop(before)
    edit.put(Node(before.name, Affine(axis), (before.inputs[0], scale, shift), (node.output,)))

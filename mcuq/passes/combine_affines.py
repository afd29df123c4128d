"""Makes one scale and shift of several in a row."""

from __future__ import annotations

import numpy as np

from mcuq.ir.graph import Graph, Node
from mcuq.ops.affine import Affine
from mcuq.passes.edit import GraphEdit
from mcuq.passes.fold_batchnorm import channel_values
from mcuq.passes.hoist_elementwise import is_uniform


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
        if is_uniform(edit, node):
            axis = before.op.axis
        elif not is_uniform(edit, before):
            return
    channels = edit.shape(node.output)[axis]
    a, b = (channel_values(edit, name, channels) for name in before.inputs[1:])
    c, d = (channel_values(edit, name, channels) for name in node.inputs[1:])
    scale = edit.constant(node.inputs[1], np.asarray(c * a))
    shift = edit.constant(node.inputs[2], np.asarray(c * b + d))
    edit.drop(before)
    edit.put(Node(before.name, Affine(axis), (before.inputs[0], scale, shift), (node.output,)))

"""Keeps scales of an input's features apart from the layers behind, where one scale would lose some."""

from __future__ import annotations

import numpy as np

from mcuq.ir.graph import Graph, Node
from mcuq.ir.types import Float64
from mcuq.ops.affine import Affine
from mcuq.passes.edit import GraphEdit

# A scaled feature mostly lies within so many units of its centre.
_REACH = 3.0
# With one scale for an input, three of eight bits of its narrowest feature would be lost.
_LOSS = 8.0


def scale_features(graph: Graph) -> Graph:
    """Move `a x + b` into the thresholds of trees behind it, or make a step of it, in float64.

    A step: where it reads an input of the model whose features have ranges so different that one scale for
    all of them would leave some few codes, and nothing reads that input that needs one scale.
    """
    edit = GraphEdit(graph)
    inputs = {port.tensor: port for port in edit.inputs}
    for node in edit.sweep():
        if not isinstance(node.op, Affine):
            continue
        x = node.inputs[0]
        shape, view = edit.shape(x), edit.view(node)
        if not (shape and (node.op.axis == len(shape) - 1 or node.op.is_uniform(view))):
            continue
        scale, shift = node.op.values(view, shape[-1])
        if not (scale > 0).all():
            continue
        _fold_into_trees(edit, node, scale, shift)
        port = inputs.get(x)
        is_as_given = port is not None and port.model_shape == shape and port.perm == tuple(range(len(shape)))
        readers = edit.consumers(x)
        is_alone = all(
            each is node or each.op.feature_limits(edit.view(each)) is not None for each in readers
        )
        if edit.count_readers(node.output) and is_as_given and is_alone and _is_uneven(scale, shift):
            edit.replace(node, node.op.as_features(view), (x,))
    return edit.finish()


def _fold_into_trees(edit: GraphEdit, node: Node, scale: Float64, shift: Float64) -> None:
    for reader in edit.consumers(node.output):
        op = reader.op.behind_scale(scale, shift)
        if op is not None:
            edit.replace(reader, op, node.inputs[:1])
    if not edit.count_readers(node.output) and not edit.is_output(node.output):
        edit.drop(node)


def _is_uneven(scale: Float64, shift: Float64) -> bool:
    """Whether one scale for all features would lose bits of some."""
    reach = np.abs(shift / scale) + _REACH / scale
    return bool(scale.max() > 2 * scale.min() and reach.max() >= _LOSS * (_REACH / scale).min())

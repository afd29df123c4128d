"""Folds scale and shift into the convolution or fully connected layer behind them."""

from __future__ import annotations

import numpy as np

from mcuq.ir.graph import Graph, Node
from mcuq.ir.traits import WeightedOp
from mcuq.ir.types import Float64, elem_count
from mcuq.ops.affine import Affine
from mcuq.passes.edit import GraphEdit
from mcuq.passes.refusal import refuse

NAME = "fold_leading_batchnorm"


def fold_leading_batchnorm(graph: Graph) -> Graph:
    """Fold `x = a z + b` into `y = x w + c`: weights `w a`, bias `c + w b`, in float64.

    Before a layer that pads this holds for b = 0 only, since padding is zero after the shift. Into a fully
    connected layer also through reshapes, when every value of the tensor has a column of its own.
    """
    edit = GraphEdit(graph)
    for node in edit.sweep():
        if isinstance(node.op, WeightedOp):
            _fold(edit, node, node.op)
    return edit.finish()


def _fold(edit: GraphEdit, node: Node, op: WeightedOp) -> None:
    x, w, b = node.inputs
    affine = edit.producer(edit.before_views(x) if op.is_fully_connected else x)
    if affine is None or not isinstance(affine.op, Affine):
        return
    found = _columns(edit, affine, affine.op, node, op)
    if isinstance(found, str):
        refuse(NAME, affine.name, found)
        return
    weights, bias = op.absorb_input(edit.array(w).astype(np.float64), edit.array(b), *found)
    source = affine.inputs[0]
    if affine.output != x and edit.shape(source) != edit.shape(x):
        source = edit.put_reshape(node.name, source, edit.shape(x), edit.derive(source, "flat"))
    edit.replace(node, op, (source, edit.constant(w, weights), edit.constant(b, bias)))


def _columns(
    edit: GraphEdit, node: Node, op: Affine, layer: Node, layer_op: WeightedOp
) -> tuple[Float64, Float64] | str:
    """Scale and shift of every input channel of a layer, or why they are not known."""
    shape, view = edit.shape(node.output), edit.view(node)
    columns = edit.shape(layer.inputs[0])[-1]
    is_reshaped = node.output != layer.inputs[0]
    if is_reshaped and elem_count(shape) == columns:
        along = [-1 if axis == op.axis else 1 for axis in range(len(shape))]
        scale, shift = (
            np.broadcast_to(view.constant(index).astype(np.float64).reshape(along), shape).reshape(-1)
            for index in (1, 2)
        )
        return scale, shift
    if layer_op.is_padded and np.any(view.constant(2) != 0):
        return f"'{layer.name}' pads with zeros, which the shift would have to move too"
    if op.is_uniform(view) or (not is_reshaped and op.axis == len(shape) - 1):
        return op.values(view, columns)
    what = f"the columns of '{layer.name}'" if layer_op.is_fully_connected else "the input channels"
    return f"its axis {op.axis} is not that of {what}"

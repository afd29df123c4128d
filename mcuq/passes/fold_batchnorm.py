"""Folds scale and shift into the operator in front of them, or a scale into a product behind."""

from __future__ import annotations

import numpy as np

from mcuq.ir.graph import Graph, Node
from mcuq.ir.traits import WeightedOp
from mcuq.ir.types import Float64
from mcuq.ops.affine import Affine
from mcuq.passes.edit import GraphEdit, sole_consumer
from mcuq.passes.refusal import refuse

NAME = "fold_batchnorm"


def fold_batchnorm(graph: Graph) -> Graph:
    """Fold `a y + b` into `y = x w + c`: weights `a w`, bias `a c + b`, in float64.

    The result has the tensor name of the Affine and the node name of the layer. Operators that can have scale
    and shift of their own get them, see `Op.behind_affine`; if it is multilinear, from inputs too.
    """
    edit = GraphEdit(graph)
    for node in edit.sweep():
        if isinstance(node.op, Affine):
            _fold(edit, node, node.op)
    return edit.finish()


def _fold(edit: GraphEdit, node: Node, op: Affine) -> None:
    view = edit.view(node)
    scale, shift = op.values(view, view.output[op.axis])
    is_uniform = op.is_uniform(view)
    if (is_uniform or op.axis == len(view.output) - 1) and _fold_behind(edit, node, scale, shift):
        return
    if is_uniform and scale[0] != 0 and not shift.any() and _fold_in_front(edit, node, scale, shift):
        return
    _fold_into_weights(edit, node, None if is_uniform else op.axis, scale, shift)


def _fold_into_weights(edit: GraphEdit, node: Node, axis: int | None, scale: Float64, shift: Float64) -> None:
    """Into the layer in front; a uniform scale and shift has no axis."""
    x = node.inputs[0]
    layer = edit.producer(x)
    if layer is None or not isinstance(layer.op, WeightedOp):
        refuse(NAME, node.name, f"its input comes from {layer.op.kind if layer else 'an input'}")
    elif not layer.op.clamp.is_identity:
        refuse(NAME, node.name, f"an activation lies between it and '{layer.name}'")
    elif not edit.is_private(x):
        refuse(NAME, node.name, f"others read '{x}' too")
    elif axis is not None and axis != len(edit.shape(x)) - 1:
        refuse(NAME, node.name, f"its axis {axis} is not that of the output channels")
    else:
        _, w, b = layer.inputs
        channels = edit.shape(w)[0]
        scale, shift = _for_channels(scale, channels), _for_channels(shift, channels)
        weights = edit.array(w).astype(np.float64) * scale.reshape(-1, *[1] * (len(edit.shape(w)) - 1))
        bias = edit.array(b).astype(np.float64) * scale + shift
        inputs = (layer.inputs[0], edit.constant(w, weights), edit.constant(b, bias))
        edit.drop(layer)
        edit.put(Node(layer.name, layer.op, inputs, (node.output,)))


def _for_channels(values: Float64, channels: int) -> Float64:
    """One value per channel: what is the same for all has one for any number of them."""
    return values if len(values) == channels else np.full(channels, values[0])


def _fold_behind(edit: GraphEdit, node: Node, scale: Float64, shift: Float64) -> bool:
    """Into the operator that computes what is scaled."""
    x = node.inputs[0]
    before = edit.producer(x)
    if before is None or not edit.is_private(x) or not before.op.output_clamp.is_identity:
        return False
    channels = edit.shape(x)[-1]
    op = before.op.behind_affine(_for_channels(scale, channels), _for_channels(shift, channels))
    if op is None:
        return False
    edit.drop(before)
    edit.put(Node(before.name, op, before.inputs, (node.output,)))
    return True


def _fold_in_front(edit: GraphEdit, node: Node, scale: Float64, shift: Float64) -> bool:
    """Into the only operator that reads the scaled values; tensors between change, and so do their names."""
    tensor, between = node.output, list[Node]()
    reader = sole_consumer(edit, tensor)
    while reader is not None and reader.op.is_layout:
        between.append(reader)
        tensor = reader.output
        reader = sole_consumer(edit, tensor)
    if reader is None or not reader.op.is_multilinear or reader.inputs.count(tensor) != 1:
        return False
    op = reader.op.behind_affine(scale, shift)
    if op is None:
        return False
    x = node.inputs[0]
    for each in (node, *between):
        edit.drop(each)
    for each in between:
        x = edit.put(Node(each.name, each.op, (x,), (edit.derive(each.output, "unscaled"),)))
    edit.replace(reader, op, tuple(x if name == tensor else name for name in reader.inputs))
    return True

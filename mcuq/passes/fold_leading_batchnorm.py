"""Folds scale and shift into the convolution or fully connected layer behind them."""

from __future__ import annotations

import numpy as np

from mcuq.ir.graph import Graph, Node
from mcuq.ir.types import Array, Float64, elem_count
from mcuq.ops.affine import Affine
from mcuq.ops.conv import Conv2d
from mcuq.ops.linear import Linear
from mcuq.ops.move import Reshape
from mcuq.passes.edit import GraphEdit
from mcuq.passes.fold_batchnorm import channel_values
from mcuq.passes.hoist_elementwise import is_uniform
from mcuq.passes.refusal import refuse

NAME = "fold_leading_batchnorm"


def fold_leading_batchnorm(graph: Graph) -> Graph:
    """Fold `x = a z + b` into `y = x w + c`: weights `w a`, bias `c + w b`, in float64.

    Before a convolution that pads this holds for b = 0 only, since padding is zero after the shift.
    """
    edit = GraphEdit(graph)
    for node in edit.sweep():
        if isinstance(node.op, Conv2d):
            _fold_into_conv(edit, node, node.op)
        elif isinstance(node.op, Linear):
            _fold_into_linear(edit, node)
    return edit.finish()


def _fold_into_conv(edit: GraphEdit, node: Node, op: Conv2d) -> None:
    x, w, b = node.inputs
    affine = edit.producer(x)
    if affine is None or not isinstance(affine.op, Affine):
        return
    channels = edit.shape(x)[3]
    a_all, b_all = (channel_values(edit, name, channels) for name in affine.inputs[1:])
    if any(op.window.pads) and np.any(b_all != 0):
        refuse(NAME, affine.name, f"'{node.name}' pads with zeros, which the shift would have to move too")
    elif affine.op.axis != 3 and not is_uniform(edit, affine):
        refuse(NAME, affine.name, f"its axis {affine.op.axis} is not that of the input channels")
    else:
        weights = edit.array(w).astype(np.float64)
        scale, shift = (_per_filter(values, len(weights), op.groups) for values in (a_all, b_all))
        bias = edit.array(b) + np.sum(weights * shift, axis=(1, 2, 3))
        edit.replace(node, op, (affine.inputs[0], edit.constant(w, weights * scale), edit.constant(b, bias)))


def _per_filter(values: Float64, filters: int, groups: int) -> Array:
    """One value per input channel as `[M, 1, 1, C / groups]`: filter m sees the channels of its group."""
    per_group = values.reshape(groups, 1, 1, 1, -1)
    return np.broadcast_to(per_group, (groups, filters // groups, 1, 1, values.size // groups)).reshape(
        filters, 1, 1, -1
    )


def _fold_into_linear(edit: GraphEdit, node: Node) -> None:
    """Also through reshapes, when every value of the tensor has a column of its own."""
    x, w, b = node.inputs
    columns = edit.shape(w)[1]
    affine = edit.producer(x)
    is_reshaped = False
    while affine is not None and isinstance(affine.op, Reshape):
        affine, is_reshaped = edit.producer(affine.inputs[0]), True
    if affine is None or not isinstance(affine.op, Affine):
        return
    source = affine.inputs[0]
    shape = edit.shape(source)
    if is_reshaped and elem_count(shape) == columns:
        view = [-1 if axis == affine.op.axis else 1 for axis in range(len(shape))]
        scale, shift = (
            np.broadcast_to(edit.array(name).astype(np.float64).reshape(view), shape).reshape(-1)
            for name in affine.inputs[1:]
        )
    elif is_uniform(edit, affine) or (not is_reshaped and affine.op.axis == len(shape) - 1):
        scale, shift = (channel_values(edit, name, columns) for name in affine.inputs[1:])
    else:
        refuse(NAME, affine.name, f"its axis {affine.op.axis} is not that of the columns of '{node.name}'")
        return
    weights = edit.array(w).astype(np.float64)
    flat = source
    if is_reshaped and shape != edit.shape(x):
        name = edit.node_name(node.name, "reshape")
        flat = edit.put(Node(name, Reshape(edit.shape(x)), (source,), (edit.derive(source, "flat"),)))
    bias = edit.array(b) + weights @ shift
    edit.replace(node, node.op, (flat, edit.constant(w, weights * scale), edit.constant(b, bias)))

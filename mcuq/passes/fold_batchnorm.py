"""Folds scale and shift into the convolution or fully connected layer in front of them."""

from __future__ import annotations

import numpy as np

from mcuq.ir.graph import Graph, Node
from mcuq.ir.traits import WeightedOp
from mcuq.ops.affine import Affine
from mcuq.passes.edit import GraphEdit
from mcuq.passes.refusal import refuse

NAME = "fold_batchnorm"


def fold_batchnorm(graph: Graph) -> Graph:
    """Fold `a y + b` into `y = x w + c`: weights `a w`, bias `a c + b`, in float64.

    The result has the tensor name of the Affine and the node name of the layer.
    """
    edit = GraphEdit(graph)
    for node in edit.sweep():
        if isinstance(node.op, Affine):
            _fold(edit, node, node.op)
    return edit.finish()


def _fold(edit: GraphEdit, node: Node, op: Affine) -> None:
    x = node.inputs[0]
    layer = edit.producer(x)
    if layer is None or not isinstance(layer.op, WeightedOp):
        refuse(NAME, node.name, f"its input comes from {layer.op.kind if layer else 'an input'}")
    elif not layer.op.clamp.is_identity:
        refuse(NAME, node.name, f"an activation lies between it and '{layer.name}'")
    elif not edit.is_private(x):
        refuse(NAME, node.name, f"others read '{x}' too")
    elif op.axis != len(edit.shape(x)) - 1 and not op.is_uniform(edit.view(node)):
        refuse(NAME, node.name, f"its axis {op.axis} is not that of the output channels")
    else:
        _, w, b = layer.inputs
        channels = edit.shape(w)[0]
        scale, shift = op.values(edit.view(node), channels)
        weights = edit.array(w).astype(np.float64) * scale.reshape(-1, *[1] * (len(edit.shape(w)) - 1))
        bias = edit.array(b).astype(np.float64) * scale + shift
        inputs = (layer.inputs[0], edit.constant(w, weights), edit.constant(b, bias))
        edit.drop(layer)
        edit.put(Node(layer.name, layer.op, inputs, (node.output,)))

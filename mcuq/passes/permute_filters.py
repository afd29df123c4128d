"""Lets convolutions give their channels in the order that a transpose behind them wants."""

from __future__ import annotations

import numpy as np

from mcuq.ir.graph import Graph, Node
from mcuq.ir.layout import Perm, identity
from mcuq.ir.traits import PointwiseOp, WeightedOp
from mcuq.ops.move import Reshape, Transpose
from mcuq.passes.edit import GraphEdit

# Functions between a convolution and a transpose; there is one.
MAX_BETWEEN = 4


def permute_filters(graph: Graph) -> Graph:
    """Permute the filters of Conv2d before a Reshape that splits channels and a Transpose that moves them.

    What is left of the Transpose keeps the parts of the channels in their order, which is less to do: a
    pixel shuffle needs five loops in PyTorch's order of channels and four in this one.
    """
    edit = GraphEdit(graph)
    for node in edit.sweep():
        perm = node.op.permutation
        if perm is not None:
            _permute(edit, node, perm)
    return edit.finish()


def _permute(edit: GraphEdit, node: Node, perm: Perm) -> None:
    split = edit.producer(node.inputs[0])
    if split is None or not split.op.is_view or not edit.is_private(split.output):
        return
    shape, image = edit.shape(split.output), edit.shape(split.inputs[0])
    if len(image) != 4 or len(shape) < 5 or shape[:3] != image[:3]:
        return
    wanted = [axis for axis in perm if axis > 2]
    chain = _chain(edit, split.inputs[0])
    if wanted == sorted(wanted) or chain is None:
        return
    order = np.arange(image[3]).reshape(shape[3:]).transpose([axis - 3 for axis in wanted]).reshape(-1)
    conv = chain[0]
    x, *constants = conv.inputs
    w, b = (edit.constant(name, edit.array(name)[order]) for name in constants)
    places = [*identity(3), *wanted]
    reshape = Reshape((*shape[:3], *(shape[axis] for axis in wanted)))
    for each in (*chain, split):
        edit.drop(each)
    for each in (*chain, split):
        op_now = reshape if each is split else each.op
        inputs = (x, w, b) if each is conv else (x,)
        # The model's names stay with the model's order of channels.
        x = edit.put(Node(each.name, op_now, inputs, (edit.derive(each.output, "permuted"),)))
    edit.replace(node, Transpose(tuple(places.index(axis) for axis in perm)), (x,))


def _chain(edit: GraphEdit, tensor: str) -> list[Node] | None:
    """The dense convolution that a tensor is an elementwise function of and what lies between, in order.

    None where there is no such convolution, or another operator reads one of the tensors.
    """
    chain: list[Node] = []
    for _ in range(MAX_BETWEEN):
        node = edit.producer(tensor)
        if node is None or not edit.is_private(tensor):
            break
        chain.insert(0, node)
        if isinstance(node.op, WeightedOp):
            return chain if node.op.group_count == 1 and not node.op.is_fully_connected else None
        if not isinstance(node.op, PointwiseOp):
            break
        tensor = node.inputs[0]
    return None

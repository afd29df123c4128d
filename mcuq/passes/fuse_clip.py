"""Lets the operator in front of an activation do it."""

from __future__ import annotations

from mcuq.ir.graph import Graph, Node
from mcuq.ops.unary import Clip
from mcuq.passes.edit import GraphEdit
from mcuq.passes.refusal import refuse

NAME = "fuse_clip"


def fuse_clip(graph: Graph) -> Graph:
    """Fuse Clip into an operator with limits of its own whose result nothing else reads.

    The result has the tensor name of the activation and the node name of the layer.
    """
    edit = GraphEdit(graph)
    for node in edit.sweep():
        if isinstance(node.op, Clip):
            _fuse(edit, node, node.op)
    return edit.finish()


def _fuse(edit: GraphEdit, node: Node, op: Clip) -> None:
    x = node.inputs[0]
    producer = edit.producer(x)
    fused = None if producer is None else producer.op.fuse_clamp(op.clamp)
    if producer is None or fused is None:
        what = "an input" if producer is None else producer.op.kind
        refuse(NAME, node.name, f"its input comes from {what}, which carries no clamp")
    elif not edit.is_private(x):
        refuse(NAME, node.name, f"others read '{x}' too")
    else:
        edit.drop(producer)
        edit.put(Node(producer.name, fused, producer.inputs, (node.output,)))

"""Lets the device take an input in the layout that the first operators need."""

from __future__ import annotations

import dataclasses

from mcuq.ir.graph import Graph, Node
from mcuq.ops.affine import Affine
from mcuq.ops.move import Pad, Transpose
from mcuq.ops.unary import Clip
from mcuq.passes.edit import GraphEdit
from mcuq.passes.layout import compose, identity, invert, permute
from mcuq.passes.refusal import refuse

NAME = "absorb_input_transposes"


def absorb_input_transposes(graph: Graph) -> Graph:
    """Move the first transpose behind a model input into `Port.perm`.

    What reads the input in its old layout gets the inverse transpose, which `move_transposes` then moves on.
    An input is turned once at most, so that two readers with different wishes do not turn it for ever.
    """
    edit = GraphEdit(graph)
    for node in edit.sweep():
        if isinstance(node.op, Transpose):
            _absorb(edit, node, node.op)
    return edit.finish()


def _absorb(edit: GraphEdit, node: Node, op: Transpose) -> None:
    root = node.inputs[0]
    producer = edit.producer(root)
    while producer is not None and isinstance(producer.op, Clip | Affine | Pad):
        root = producer.inputs[0]
        producer = edit.producer(root)
    for index, port in enumerate(edit.inputs):
        if port.tensor != root:
            continue
        if port.perm != identity(len(port.perm)) or port.model_shape != edit.shape(root):
            refuse(NAME, node.name, f"input '{port.name}' was already turned for another operator")
            return
        shape = permute(port.model_shape, op.perm)
        device = edit.add_input_tensor(edit.derive(root, "nhwc"), shape)
        edit.set_input(index, dataclasses.replace(port, tensor=device, perm=compose(port.perm, op.perm)))
        edit.put(Node(edit.node_name(port.name, "transpose"), Transpose(invert(op.perm)), (device,), root))
        return
    if producer is not None:
        refuse(
            NAME, node.name, f"its input comes from '{producer.name}' ({producer.op.kind}), not from an input"
        )

"""Lets the device take an input in the layout that the first operators need."""

from __future__ import annotations

import dataclasses

from mcuq.ir.graph import Graph, Node
from mcuq.ir.layout import compose, identity, invert, permute, turn_like, without_ones
from mcuq.ops.move import Transpose
from mcuq.passes.edit import GraphEdit
from mcuq.passes.refusal import refuse

NAME = "absorb_input_transposes"

# Of operators between an input and a transpose; the bound keeps hostile graphs linear.
_MAX_DEPTH = 64


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
    root = input_root(edit, node.inputs[0])
    producer = edit.producer(root)
    if producer is not None:
        refuse(
            NAME, node.name, f"its input comes from '{producer.name}' ({producer.op.kind}), not from an input"
        )
        return
    shape = edit.shape(root)
    for index, port in enumerate(edit.inputs):
        if port.tensor != root:
            continue
        given = permute(port.model_shape, port.perm)
        if port.perm != identity(len(port.perm)):
            refuse(NAME, node.name, f"input '{port.name}' was already turned for another operator")
        elif without_ones(given) != without_ones(shape):
            refuse(NAME, node.name, f"input '{port.name}' of shape {given} is cut into {shape}")
        else:
            perm = turn_like(shape, edit.shape(node.inputs[0]), op.perm)
            device = edit.add_input_tensor(edit.derive(root, "nhwc"), permute(shape, perm))
            model_perm = compose(port.perm, turn_like(given, shape, perm))
            edit.set_input(index, dataclasses.replace(port, tensor=device, perm=model_perm))
            name = edit.node_name(port.name, "transpose")
            edit.put(Node(name, Transpose(invert(perm)), (device,), (root,)))


def input_root(edit: GraphEdit, tensor: str) -> str:
    """Where a tensor comes from, seen through operators that work in any layout."""
    for _ in range(_MAX_DEPTH):
        producer = edit.producer(tensor)
        if producer is None or not producer.op.keeps_axes(edit.view(producer)):
            break
        tensor = producer.inputs[0]
    return tensor

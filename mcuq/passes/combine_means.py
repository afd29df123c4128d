"""Makes one mean of a mean along one axis and then the other."""

from __future__ import annotations

from mcuq.ir.graph import Graph, Node
from mcuq.ir.types import Shape
from mcuq.ops.move import Reshape
from mcuq.ops.pool import Mean
from mcuq.ops.window import Window
from mcuq.passes.edit import GraphEdit


def combine_means(graph: Graph) -> Graph:
    """Combine two means that together cover the image: means of equally many values."""
    edit = GraphEdit(graph)
    for node in edit.sweep():
        if isinstance(node.op, Mean):
            _combine(edit, node, node.op)
    return edit.finish()


def _combine(edit: GraphEdit, node: Node, op: Mean) -> None:
    tensor = node.inputs[0]
    first = edit.producer(tensor)
    while first is not None and isinstance(first.op, Reshape) and edit.is_private(tensor):
        tensor = first.inputs[0]
        first = edit.producer(tensor)
    if first is None or not isinstance(first.op, Mean) or not edit.is_private(tensor):
        return
    image, rest = edit.shape(first.inputs[0]), edit.shape(node.inputs[0])
    is_along_one = first.op.window == Window((1, image[2])) or first.op.window == Window((image[1], 1))
    if not is_along_one or not first.op.clamp.is_identity or op.window != _whole(rest):
        return
    # The reshape between them may only move the axis that is left, not channels into it.
    if (image[0], image[3]) != (rest[0], rest[3]):
        return
    edit.drop(first)
    edit.put(Node(node.name, Mean(_whole(image), op.clamp), first.inputs, (node.output,)))


def _whole(image: Shape) -> Window:
    return Window((image[1], image[2]))

"""Makes one operator of two that follow each other, where the second one knows how."""

from __future__ import annotations

from mcuq.ir.graph import Graph, Node
from mcuq.passes.edit import GraphEdit


def combine_neighbours(graph: Graph) -> Graph:
    """Let one operator do what two do, see `Op.combine`; reshapes may lie between them."""
    edit = GraphEdit(graph)
    for node in edit.sweep():
        if node.inputs and not node.op.is_join:
            _combine(edit, node)
    return edit.finish()


def _combine(edit: GraphEdit, node: Node) -> None:
    x = node.inputs[0]
    tensor = x if node.op.is_view else edit.before_views(x, is_private=True)
    before = edit.producer(tensor)
    # A view that others read too is passed by at no cost; anything else would be computed twice.
    if before is None or not (before.op.is_view or edit.is_private(tensor)):
        return
    op = node.op.combine(before.op, edit.shape(before.inputs[0]), edit.shape(x))
    if op is not None:
        edit.replace(node, op, (before.inputs[0], *node.inputs[1:]))

"""Moves activations and scales in front of operators that only move values, to the layer that does them."""

from __future__ import annotations

from mcuq.ir.graph import Graph, Node
from mcuq.ir.op import Op, Rewrite
from mcuq.ops.unary import Clip
from mcuq.passes.edit import GraphEdit

# Longer chains of operators that only move values do not occur; the bound keeps hostile ones linear.
MAX_MOVES = 64


def hoist_elementwise(graph: Graph) -> Graph:
    """Exchange Clip with an operator before it that allows it, and other operators with a Reshape."""
    edit = GraphEdit(graph)
    for node in edit.sweep():
        moved: Node | None = node
        for _ in range(MAX_MOVES):
            if moved is None:
                break
            moved = _exchange(edit, moved)
    return edit.finish()


def _exchange(edit: GraphEdit, node: Node) -> Node | None:
    """Exchange a node with its producer; the node in its new place, None where it cannot move."""
    before = edit.producer(node.inputs[0])
    if before is None or not edit.is_private(before.output):
        return None
    pair = _exchanged(edit, before, node)
    if pair is None:
        return None
    first, second = pair
    x = before.inputs[0]
    edit.drop(before)
    inputs = (x, *edit.rewritten(node, first))
    early = edit.put(Node(node.name, first.op, inputs, (edit.derive(x, node.op.hoisted_role),)))
    edit.put(Node(before.name, second, (early,), (node.output,)))
    return edit.producer(early)


def _exchanged(edit: GraphEdit, before: Node, node: Node) -> tuple[Rewrite, Op] | None:
    """What `node` becomes in front of `before`, and what `before` becomes behind it."""
    if isinstance(node.op, Clip):
        behind = before.op.behind_clamp(node.op.clamp)
        return None if behind is None else (Rewrite(node.op), behind)
    if not before.op.is_view:
        return None
    first = node.op.commute_with_reshape(edit.view(node), edit.shape(before.inputs[0]))
    return None if first is None else (first, before.op)

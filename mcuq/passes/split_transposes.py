"""Does in several transposes what needs more loops than one has."""

from __future__ import annotations

import itertools

from mcuq.ir.graph import Graph, Node
from mcuq.ir.layout import Perm, compose, identity, invert, without_ones
from mcuq.ops.move import Transpose
from mcuq.passes.edit import GraphEdit

# Groups of axes that one transpose can tell apart; axes that stay neighbours are one group.
MAX_GROUPS = 4


def split_transposes(graph: Graph) -> Graph:
    """Split every Transpose that moves more than four groups of axes into ones that exchange two groups.

    No pass that combines transposes may follow.
    """
    edit = GraphEdit(graph)
    for node in edit.sweep():
        perm = node.op.permutation
        if perm is not None:
            _split(edit, node, perm)
    return edit.finish()


def _split(edit: GraphEdit, node: Node, perm: Perm) -> None:
    x = node.inputs[0]
    shape = edit.shape(x)
    order = [axis for axis in perm if shape[axis] != 1]
    perm = tuple(sorted(order).index(axis) for axis in order)
    if count_groups(perm) <= MAX_GROUPS:
        return
    if len(perm) < len(shape):
        x = edit.put_reshape(node.name, x, without_ones(shape), edit.derive(x, "flat"))
    while count_groups(perm) > MAX_GROUPS:
        first = _first_exchange(perm)
        x = _put_transpose(edit, node, first, x)
        perm = compose(invert(first), perm)
    if len(perm) == len(shape):
        edit.replace(node, Transpose(perm), (x,))
    else:
        edit.become_reshape(node, _put_transpose(edit, node, perm, x))


def _put_transpose(edit: GraphEdit, node: Node, perm: Perm, x: str) -> str:
    name = edit.node_name(node.name, "transpose")
    return edit.put(Node(name, Transpose(perm), (x,), (edit.derive(node.output, "turned"),)))


def count_groups(perm: Perm) -> int:
    """How many groups of axes a transpose moves.

    >>> count_groups((0, 2, 1, 3, 4))
    4
    """
    return len(perm) - sum(b == a + 1 for a, b in itertools.pairwise(perm))


def _first_exchange(perm: Perm) -> Perm:
    """The exchange of two groups of neighbours that brings the first misplaced axes to their place."""
    start = next(place for place, axis in enumerate(perm) if place != axis)
    begin = end = perm[start]
    while end < len(perm) and start + end - begin < len(perm) and perm[start + end - begin] == end:
        end += 1
    order = identity(len(perm))
    return (*order[:start], *order[begin:end], *order[start:begin], *order[end:])

"""Makes one table of neighbouring functions of one tensor."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from mcuq.ir.expression import Apply, Expression, Number, X, size
from mcuq.ir.graph import Graph, Node
from mcuq.ir.op import Clamp, NodeView
from mcuq.ops.table import Table
from mcuq.passes.edit import GraphEdit

# Operators and primitives of one table. Activations have less than ten and thirty; the bounds keep hostile
# graphs, whose expressions double with every x * x, in hand.
_MAX_NODES = 32
MAX_SIZE = 256


def fuse_tables(graph: Graph) -> Graph:
    """Merge functions of one element into one Table where nothing else sees the values between them.

    The functions are tables, clips, scales and shifts by one number, and sums, differences and products of
    functions of the same tensor, as in `x * sigmoid(x)`. At least one of them must be a table or join two
    branches: clips and scales alone are left to the layers around them.
    """
    edit = GraphEdit(graph)
    # From the end: the largest group is found first, and what it takes in is gone from the sweep.
    for node in reversed(tuple(edit.sweep())):
        current = edit.producer(node.output)
        if current is not None and current.op.is_pointwise(edit.view(current)):
            _fuse(edit, current)
    return edit.finish()


@dataclasses.dataclass(frozen=True, slots=True)
class _Group:
    """Nodes that compute a function of one tensor."""

    nodes: tuple[Node, ...]  # the last one of the graph first
    source: str


def _fuse(edit: GraphEdit, root: Node) -> None:
    best: tuple[_Group, Expression] | None = None
    for group in _groups(edit, root):
        function = _function(edit, group)
        if function is None:
            break
        if _is_worth_it(group):
            best = group, function
    if best is None:
        return
    group, function = best
    for node in group.nodes:
        edit.drop(node)
    edit.put(Node(root.name, Table(function, root.op.output_clamp), (group.source,), (root.output,)))


def _is_worth_it(group: _Group) -> bool:
    ops = [node.op for node in group.nodes]
    if any(op.is_join for op in ops):
        return True
    return len(ops) > 1 and any(isinstance(op, Table) for op in ops)


def _groups(edit: GraphEdit, root: Node) -> Iterator[_Group]:
    """Ever larger groups around the last node, each a function of one tensor.

    A node joins when all that read its result are in the group.
    """
    nodes: dict[str, Node] = {root.output: root}
    open_tensors = _tensors(edit, root)
    while True:
        if len(open_tensors) == 1:
            yield _Group(tuple(nodes.values()), next(iter(open_tensors)))
        joined = next((node for node in map(edit.producer, open_tensors) if _joins(edit, node, nodes)), None)
        if joined is None or len(nodes) == _MAX_NODES:
            return
        nodes[joined.output] = joined
        del open_tensors[joined.output]
        open_tensors |= _tensors(edit, joined)


def _joins(edit: GraphEdit, node: Node | None, nodes: dict[str, Node]) -> bool:
    return (
        node is not None
        and node.op.is_pointwise(edit.view(node))
        and not edit.is_output(node.output)
        and edit.count_readers(node.output) <= _MAX_NODES
        and all(reader.output in nodes for reader in edit.consumers(node.output))
    )


def _tensors(edit: GraphEdit, node: Node) -> dict[str, None]:
    return {name: None for name in node.inputs if not edit.is_constant(name)}


def _function(edit: GraphEdit, group: _Group) -> Expression | None:
    """The function that a group computes, without the clamp of its last node; None where it is too long."""
    known: dict[str, Expression] = {group.source: X}
    waiting = list(reversed(group.nodes))
    while waiting:
        node = next(node for node in waiting if all(name in known for name in _tensors(edit, node)))
        waiting.remove(node)
        is_last = node is group.nodes[0]
        function = _apply(edit, node, known, is_clamped=not is_last)
        if size(function) > MAX_SIZE:
            return None
        known[node.output] = function
    return known[group.nodes[0].output]


def _apply(edit: GraphEdit, node: Node, known: dict[str, Expression], *, is_clamped: bool) -> Expression:
    """What a node computes from known functions."""
    view = edit.view(node)
    operands = [_operand(view, index, known, name) for index, name in enumerate(node.inputs)]
    function = node.op.expression(view, [each for each in operands if each is not None])
    return _clamped(function, node.op.output_clamp) if is_clamped else function


def _operand(view: NodeView, index: int, known: dict[str, Expression], name: str) -> Expression | None:
    """The function that an input is; None for constants that are no numbers, which the operator sees."""
    number = view.number(index)
    return known.get(name) if number is None else Number(number)


def _clamped(function: Expression, clamp: Clamp) -> Expression:
    if clamp.lo > -math.inf:
        function = Apply("max", (function, Number(clamp.lo)))
    if clamp.hi < math.inf:
        function = Apply("min", (function, Number(clamp.hi)))
    return function

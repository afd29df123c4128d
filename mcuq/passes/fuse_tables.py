"""Makes one table of neighbouring functions of one tensor."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from mcuq.ir.expression import Apply, Expression, Number, X, size, substitute
from mcuq.ir.graph import Graph, Node
from mcuq.ir.op import Clamp
from mcuq.ops.affine import Affine
from mcuq.ops.arithmetic import Add, Mul
from mcuq.ops.table import Table
from mcuq.ops.unary import Clip
from mcuq.passes.edit import GraphEdit
from mcuq.passes.hoist_elementwise import is_uniform

# Operators and primitives of one table. Activations have less than ten and thirty; the bounds keep hostile
# graphs, whose expressions double with every x * x, in hand.
MAX_NODES = 32
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
        if current is not None and _is_pointwise(edit, current):
            _fuse(edit, current)
    return edit.finish()


def _is_pointwise(edit: GraphEdit, node: Node) -> bool:
    """Whether a node computes each element from one element of each of its tensors."""
    op = node.op
    if isinstance(op, Table | Clip):
        return True
    if isinstance(op, Affine):
        return is_uniform(edit, node)
    if not isinstance(op, Add | Mul):
        return False
    return all(_number(edit, name) is not None or _is_full(edit, node, name) for name in node.inputs)


def _is_full(edit: GraphEdit, node: Node, name: str) -> bool:
    """Whether an operand is a tensor that is not broadcast."""
    return not edit.is_constant(name) and edit.shape(name) == edit.shape(node.output)


def _number(edit: GraphEdit, name: str) -> float | None:
    """The value of a constant of one element."""
    if not edit.is_constant(name) or edit.array(name).size != 1:
        return None
    return float(edit.array(name).reshape(-1)[0])


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
    clamp = root.op.clamp if isinstance(root.op, Table | Clip | Add | Mul) else Clamp()
    edit.put(Node(root.name, Table(function, clamp), (group.source,), (root.output,)))


def _is_worth_it(group: _Group) -> bool:
    ops = [node.op for node in group.nodes]
    if any(isinstance(op, Add | Mul) for op in ops):
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
        if joined is None or len(nodes) == MAX_NODES:
            return
        nodes[joined.output] = joined
        del open_tensors[joined.output]
        open_tensors |= _tensors(edit, joined)


def _joins(edit: GraphEdit, node: Node | None, nodes: dict[str, Node]) -> bool:
    return (
        node is not None
        and _is_pointwise(edit, node)
        and not edit.is_output(node.output)
        and edit.count_readers(node.output) <= MAX_NODES
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
    op = node.op
    first = _operand(edit, node.inputs[0], known)
    if isinstance(op, Affine):
        return scaled(edit, node, first)
    if isinstance(op, Table):
        function = substitute(op.function, first)
    elif isinstance(op, Add | Mul):
        name = "mul" if isinstance(op, Mul) else "sub" if op.is_subtraction else "add"
        function = Apply(name, (first, _operand(edit, node.inputs[1], known)))
    else:
        function = first
    assert isinstance(op, Table | Clip | Add | Mul)
    return _clamped(function, op.clamp) if is_clamped else function


def scaled(edit: GraphEdit, node: Node, x: Expression) -> Expression:
    """What an Affine that does the same to all channels makes of an expression."""
    scale, shift = (float(edit.array(name)[0]) for name in node.inputs[1:])
    function = x if scale == 1.0 else Apply("mul", (x, Number(scale)))
    return function if shift == 0.0 else Apply("add", (function, Number(shift)))


def _operand(edit: GraphEdit, name: str, known: dict[str, Expression]) -> Expression:
    number = _number(edit, name)
    return known[name] if number is None else Number(number)


def _clamped(function: Expression, clamp: Clamp) -> Expression:
    if clamp.lo > -math.inf:
        function = Apply("max", (function, Number(clamp.lo)))
    if clamp.hi < math.inf:
        function = Apply("min", (function, Number(clamp.hi)))
    return function

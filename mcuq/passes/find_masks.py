"""Finds masks in front of a softmax, whose minus infinity would leave scores no codes."""

from __future__ import annotations

import dataclasses

import numpy as np

from mcuq.ir.expression import X, evaluate
from mcuq.ir.graph import Graph, Node
from mcuq.ir.traits import ChoosingOp, MaskableOp
from mcuq.ir.types import Array
from mcuq.ops.arithmetic import primitive
from mcuq.ops.logic import conjunction, opposite
from mcuq.passes.edit import GraphEdit
from mcuq.passes.follow_function import follow_function

# What is so far below has no share: e^-100 is less than 2^-144.
_MASKED = -1000.0
# What a mask leaves is near zero.
_KEPT = -100.0


@dataclasses.dataclass(frozen=True, slots=True)
class _Mask:
    """What a tensor is: another one where a condition holds, and minus infinity elsewhere.

    Args:
        x: the other one.
        condition: a constant, true where x is kept, or the name of a tensor of truth values.
        is_negated: whether x is kept where the tensor is false.
    """

    x: str
    condition: Array | str
    is_negated: bool = False


def find_masks(graph: Graph) -> Graph:
    """Let a softmax leave out what a mask sets to minus infinity, or to a number that stands for it.

    Masks are choices (`Select`) of a constant of -1000 and below, sums with a constant that is so or above
    -100, and sums with a function of a tensor that is 0 for one of 0 and 1, and so for the other.
    """
    edit = GraphEdit(graph)
    for node in edit.sweep():
        while isinstance(node.op, MaskableOp):
            found = _mask(edit, node.inputs[0])
            if found is None or edit.shape(found.x) != edit.shape(node.inputs[0]):
                break
            condition = _condition(edit, node, found)
            if len(node.inputs) > 1:
                condition = _both(edit, node, node.inputs[1], condition)
            edit.replace(node, node.op.masked(), (found.x, condition))
            changed = edit.producer(node.output)
            assert changed is not None
            node = changed
    return edit.finish()


def _mask(edit: GraphEdit, tensor: str) -> _Mask | None:
    node = edit.producer(tensor)
    if node is None:
        return None
    if isinstance(node.op, ChoosingOp):
        condition, a, b = node.inputs
        for x, fill, is_negated in ((a, b, False), (b, a, True)):
            if edit.is_constant(fill) and edit.array(fill).max() <= _MASKED:
                if edit.is_constant(condition):
                    return _Mask(x, (edit.array(condition) > 0.5) != is_negated)
                return _Mask(x, condition, is_negated)
    if primitive(node.op) == "add":
        for x, y in (node.inputs, node.inputs[::-1]):
            found = _constant_sum(edit, node, x, y) if edit.is_constant(y) else _sum(edit, x, y)
            if found is not None:
                return found
    return None


def _constant_sum(edit: GraphEdit, node: Node, x: str, y: str) -> _Mask | None:
    """A sum with a constant that is minus infinity in places; what else it adds is still added."""
    values = edit.array(y)
    kept = values > _KEPT
    if edit.is_constant(x) or kept.all() or (values[~kept] > _MASKED).any():
        return None
    rest = np.where(kept, values, 0.0)
    if not rest.any():
        return _Mask(x, kept)
    name = edit.derive(node.output, "unmasked")
    constant = edit.constant(y, rest)
    edit.put(Node(edit.node_name(node.name, "unmasked"), node.op, (x, constant), (name,)))
    return _Mask(name, kept)


def _sum(edit: GraphEdit, x: str, y: str) -> _Mask | None:
    """A sum with a function of a tensor of zeros and ones."""
    source, function = follow_function(edit, y)
    if function is X or edit.is_constant(source):
        return None
    low, high = evaluate(function, np.array([0.0, 1.0]))
    if edit.shape(source) != edit.shape(y) or not (min(low, high) <= _MASKED and max(low, high) == 0):
        return None
    return _Mask(x, source, bool(low == 0))


def _condition(edit: GraphEdit, node: Node, found: _Mask) -> str:
    """The tensor that holds what is kept."""
    if not isinstance(found.condition, str):
        return edit.constant(f"{node.output} [kept]", found.condition.astype(np.float64))
    if not found.is_negated:
        return found.condition
    name = edit.derive(found.condition, "kept")
    return edit.put(Node(edit.node_name(node.name, "kept"), opposite(), (found.condition,), (name,)))


def _both(edit: GraphEdit, node: Node, a: str, b: str) -> str:
    """The tensor that holds what two masks keep."""
    if edit.is_constant(a) and edit.is_constant(b):
        kept = np.logical_and(edit.array(a) > 0.5, edit.array(b) > 0.5)
        return edit.constant(f"{node.output} [kept]", kept.astype(np.float64))
    name = edit.derive(node.output, "both")
    return edit.put(Node(edit.node_name(node.name, "both"), conjunction(), (a, b), (name,)))

"""What the operators say about the values of a tensor, whatever the input."""

from __future__ import annotations

from mcuq.ir.op import NO_LIMITS, Limits
from mcuq.passes.edit import GraphEdit

# Chains of operators that only move or average values are short; a longer one gives no range.
_MAX_DEPTH = 16


def value_range(edit: GraphEdit, tensor: str, depth: int = _MAX_DEPTH) -> Limits:
    """Limits that every value of a tensor keeps, infinite where there are none.

    Args:
        edit: the graph.
        tensor: its name.
        depth: how many operators are asked at most.
    """
    node = edit.producer(tensor)
    if node is None or depth == 0:
        return NO_LIMITS
    return node.op.value_range(lambda: value_range(edit, node.inputs[0], depth - 1))

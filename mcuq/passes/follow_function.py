"""Chains of functions of one element, followed back to their source."""

from __future__ import annotations

from typing import cast

from mcuq.ir.expression import Expression, X
from mcuq.ir.graph import Node
from mcuq.passes.edit import GraphEdit

# Chains are followed so far.
_MAX_CHAIN = 16


def follow_function(edit: GraphEdit, tensor: str) -> tuple[str, Expression]:
    """The tensor that another one is a function of, element by element, and the function."""
    start, function = tensor, cast(Expression, X)
    chain: list[Node] = []
    for _ in range(_MAX_CHAIN):
        node = edit.producer(tensor)
        if node is None or node.op.is_join or not node.op.is_pointwise(edit.view(node)):
            break
        chain.append(node)
        tensor = node.inputs[0]
    for node in reversed(chain):
        if not node.op.output_clamp.is_identity:
            return start, X
        function = node.op.expression(edit.view(node), (function,))
    return tensor, function

"""Replaces operators by others that compute the same better."""

from __future__ import annotations

from mcuq.ir.graph import Graph
from mcuq.passes.edit import GraphEdit
from mcuq.passes.refusal import refuse

NAME = "simplify_operators"


def simplify_operators(graph: Graph) -> Graph:
    """Put in what the operators themselves prefer, see `Op.simplify`."""
    edit = GraphEdit(graph)
    for node in edit.sweep():
        op = node.op.simplify()
        if isinstance(op, str):
            refuse(NAME, node.name, op)
        elif op is not None:
            edit.replace(node, op, node.inputs)
    return edit.finish()

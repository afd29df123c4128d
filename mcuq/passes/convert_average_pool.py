"""Gives average pools an output scale of their own where all windows are equal."""

from __future__ import annotations

from mcuq.ir.graph import Graph
from mcuq.ops.pool import AveragePool, Mean
from mcuq.passes.edit import GraphEdit
from mcuq.passes.refusal import refuse

NAME = "convert_average_pool"


def convert_average_pool(graph: Graph) -> Graph:
    """Turn AveragePool without padding into Mean.

    Source: docs/numerics.md: a shared scale leaves most codes of a mean unused.
    """
    edit = GraphEdit(graph)
    for node in edit.sweep():
        if not isinstance(node.op, AveragePool):
            continue
        if any(node.op.window.pads):
            refuse(NAME, node.name, f"its windows reach into the padding {node.op.window.pads}")
        else:
            edit.replace(node, Mean(node.op.window), node.inputs)
    return edit.finish()

"""Makes one reshape of several."""

from __future__ import annotations

from mcuq.ir.graph import Graph
from mcuq.ops.move import Reshape
from mcuq.passes.edit import GraphEdit


def combine_reshapes(graph: Graph) -> Graph:
    """Let a reshape of a reshape read what the first one reads."""
    edit = GraphEdit(graph)
    for node in edit.sweep():
        producer = edit.producer(node.inputs[0])
        if isinstance(node.op, Reshape) and producer is not None and isinstance(producer.op, Reshape):
            edit.rewire(node, producer.inputs)
    return edit.finish()

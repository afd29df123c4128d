"""Lets inputs and outputs take the shape the device works in; a reshape moves nothing."""

from __future__ import annotations

import dataclasses

from mcuq.ir.graph import Graph, Port
from mcuq.passes.edit import GraphEdit, sole_consumer


def absorb_reshapes(graph: Graph) -> Graph:
    """Remove a reshape of an input that nothing else reads, and one whose result is only an output.

    `Port` reshapes after its transpose, so the values keep their order.
    """
    edit = GraphEdit(graph)
    for index, port in enumerate(edit.inputs):
        reader = sole_consumer(edit, port.tensor)
        if reader is not None and reader.op.is_view:
            edit.drop(reader)
            edit.set_input(index, dataclasses.replace(port, tensor=reader.output))
    for index, port in enumerate(edit.outputs):
        _absorb_output(edit, index, port)
    return edit.finish()


def _absorb_output(edit: GraphEdit, index: int, port: Port) -> None:
    node = edit.producer(port.tensor)
    if node is None or not node.op.is_view or edit.consumers(port.tensor):
        return
    before = edit.producer(node.inputs[0])
    # Two ports of one tensor, or an output that is an input, would need a copy on the device.
    if before is not None and not edit.is_output(node.inputs[0]):
        edit.set_output(index, dataclasses.replace(port, tensor=node.inputs[0]))

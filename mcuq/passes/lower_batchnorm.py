"""Turns scales and shifts that nothing could fold into operators that the device has."""

from __future__ import annotations

from mcuq.ir.graph import Graph, Node
from mcuq.ir.op import RangeRule, Rewrite
from mcuq.passes.absorb_input_transposes import input_root
from mcuq.passes.edit import GraphEdit


def lower_batchnorm(graph: Graph) -> Graph:
    """Replace every operator that exists only in float, see `Op.expand`."""
    edit = GraphEdit(graph)
    for node in edit.sweep():
        if node.op.rule() is RangeRule.FLOAT_ONLY:
            is_input = edit.producer(input_root(edit, node.inputs[0])) is None
            _expand(edit, node, node.op.expand(edit.view(node), is_input))
    return edit.finish()


def _expand(edit: GraphEdit, node: Node, chain: tuple[Rewrite, ...]) -> None:
    """Put operators in the place of a node; the one with constants, or the only one, keeps its name."""
    constants = {index: edit.rewritten(node, each) for index, each in enumerate(chain) if each.constants}
    x = node.inputs[0]
    for index, each in enumerate(chain):
        is_main = index in constants or len(chain) == 1
        is_last = index == len(chain) - 1
        output = node.output if is_last else edit.derive(node.output if is_main else x, "4d")
        name = node.name if is_main else edit.node_name(node.name, each.op.kind)
        x = edit.put(Node(name, each.op, (x, *constants.get(index, ())), (output,)))

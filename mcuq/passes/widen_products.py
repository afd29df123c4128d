"""Gives factors of products that int8 is too coarse for int16."""

from __future__ import annotations

from collections.abc import Iterator

from mcuq.ir.graph import Graph, Node
from mcuq.ir.op import RangeRule
from mcuq.passes.edit import GraphEdit


def widen_products(graph: Graph) -> Graph:
    """Let operators of a fixed range give int16 where only products read it, and products before them too.

    The weights of attention are such: many are below a step of 1/256, and their errors add up over a row.

    Source: docs/numerics.md, R4.
    """
    edit = GraphEdit(graph)
    for node in reversed(tuple(edit.sweep())):
        readers = [*_readers(edit, node.output)]
        wide = node.op.widen()
        if wide is None or edit.is_output(node.output) or not readers:
            continue
        is_taken = all(position in reader.op.wide_inputs for reader, position in readers)
        is_measured = node.op.rule() is not RangeRule.FIXED
        if is_taken and not (
            is_measured and any(reader.op.rule() is not RangeRule.FIXED for reader, _ in readers)
        ):
            edit.replace(node, wide, node.inputs)
    return edit.finish()


def narrow_products(graph: Graph) -> Graph:
    """Take all of it back, for models whose parameters are given."""
    edit = GraphEdit(graph)
    for node in edit.sweep():
        if node.op.narrow() != node.op:
            edit.replace(node, node.op.narrow(), node.inputs)
    return edit.finish()


def _readers(edit: GraphEdit, name: str) -> Iterator[tuple[Node, int]]:
    """What reads a tensor, or the same values under another shape, and as which input."""
    for node in edit.consumers(name):
        if node.op.is_view and not edit.is_output(node.output):
            yield from _readers(edit, node.output)
        else:
            yield from ((node, position) for position, each in enumerate(node.inputs) if each == name)

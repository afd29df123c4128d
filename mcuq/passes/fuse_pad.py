"""Lets windows do the padding in front of them."""

from __future__ import annotations

from mcuq.ir.graph import Graph, Node
from mcuq.ir.layout import without_ones
from mcuq.ops.pad import Pad
from mcuq.passes.edit import GraphEdit
from mcuq.passes.refusal import refuse
from mcuq.passes.value_range import value_range

NAME = "fuse_pad"


def fuse_pad(graph: Graph) -> Graph:
    """Fuse Pad along H and W into the operator behind it, where that pads itself and it is exact.

    The Pad may be seen through a reshape which only adds or removes axes of size 1.
    """
    edit = GraphEdit(graph)
    for node in edit.sweep():
        before = edit.producer(node.inputs[0])
        if before is not None and isinstance(before.op, Pad):
            _fuse(edit, before, before.op, node)
        elif before is not None and before.op.is_view:
            _fuse_through(edit, before, node)
    return edit.finish()


def _fuse_through(edit: GraphEdit, reshape: Node, node: Node) -> None:
    before = edit.producer(reshape.inputs[0])
    if before is None or not isinstance(before.op, Pad):
        return
    padded, image = edit.shape(before.output), edit.shape(reshape.output)
    if without_ones(padded) == without_ones(image):
        pads = iter([pair for pair, size in zip(before.op.pads, padded, strict=True) if size != 1])
        spread = tuple(next(pads) if size != 1 else (0, 0) for size in image)
        _fuse(edit, before, Pad(spread, before.op.value), node)


def _fuse(edit: GraphEdit, before: Node, pad: Pad, node: Node) -> None:
    x = before.inputs[0]
    op = node.op.absorb_pad(pad.pads, pad.value, value_range(edit, x)[0])
    if op is None:
        return
    if isinstance(op, str):
        refuse(NAME, before.name, f"into '{node.name}': {op}")
        return
    image = edit.shape(node.inputs[0])
    inner = tuple(size - sum(pair) for size, pair in zip(image, pad.pads, strict=True))
    if edit.shape(x) != inner:
        x = edit.put_reshape(before.name, x, inner, edit.derive(x, "4d"))
    edit.replace(node, op, (x, *node.inputs[1:]))

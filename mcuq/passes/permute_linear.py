"""Lets fully connected layers take and give values in another order by permuting their weights."""

from __future__ import annotations

import math

import numpy as np

from mcuq.ir.graph import Graph, Node
from mcuq.ir.layout import identity, is_reshape
from mcuq.ir.types import Array, elem_count
from mcuq.ops.linear import Linear
from mcuq.ops.move import Reshape, Transpose
from mcuq.passes.edit import GraphEdit
from mcuq.passes.refusal import refuse

NAME = "permute_linear"


def permute_linear(graph: Graph) -> Graph:
    """Remove transposes in front of and behind fully connected layers.

    Transpose, Reshape, Linear: the columns of the weights take the order before the transpose.
    Linear, Reshape, Transpose: the rows take the order after it.
    """
    edit = GraphEdit(graph)
    for node in edit.sweep():
        if isinstance(node.op, Linear):
            _permute_columns(edit, node)
        elif isinstance(node.op, Transpose):
            _permute_rows(edit, node, node.op)
    return edit.finish()


def _permute_columns(edit: GraphEdit, node: Node) -> None:
    x, w, b = node.inputs
    producer = edit.producer(x)
    while producer is not None and isinstance(producer.op, Reshape):
        producer = edit.producer(producer.inputs[0])
    if producer is None or not isinstance(producer.op, Transpose):
        return
    source = producer.inputs[0]
    columns = edit.shape(w)[1]
    order = _suffix_order(edit.shape(source), producer.op.perm, columns)
    if order is None:
        refuse(NAME, node.name, f"the transpose before it, {producer.op.perm}, mixes its {columns} columns")
        return
    weights = np.empty_like(edit.array(w))
    weights[:, order] = edit.array(w)
    shape = edit.shape(x)
    flat = Node(
        edit.node_name(node.name, "reshape"), Reshape(shape), (source,), (edit.derive(source, "flat"),)
    )
    x = source if edit.shape(source) == shape else edit.put(flat)
    edit.replace(node, node.op, (x, edit.constant(w, weights), b))


def _suffix_order(shape: tuple[int, ...], perm: tuple[int, ...], columns: int) -> Array | None:
    """The place before the transpose of each column, when only the last axes, `columns` in all, move."""
    for start in range(len(shape)):
        is_kept = perm[:start] == identity(start)
        if is_kept and math.prod(shape[start:]) == columns:
            places = np.arange(columns).reshape(shape[start:])
            return places.transpose([axis - start for axis in perm[start:]]).reshape(-1)
    return None


def _permute_rows(edit: GraphEdit, node: Node, op: Transpose) -> None:
    shape = edit.shape(node.inputs[0])
    tensor = node.inputs[0]
    producer = edit.producer(tensor)
    while producer is not None and isinstance(producer.op, Reshape) and edit.is_private(tensor):
        tensor = producer.inputs[0]
        producer = edit.producer(tensor)
    if producer is None or not isinstance(producer.op, Linear) or is_reshape(shape, op.perm):
        return
    x, w, b = producer.inputs
    rows = edit.shape(w)[0]
    if not edit.is_private(tensor) or elem_count(shape) != rows:
        refuse(NAME, producer.name, "others read its output, or it computes several rows")
        return
    order = np.arange(rows).reshape(shape).transpose(op.perm).reshape(-1)
    w = edit.constant(w, edit.array(w)[order])
    b = edit.constant(b, edit.array(b)[order])
    edit.drop(producer)
    y = edit.put(Node(producer.name, producer.op, (x, w, b), (edit.derive(tensor, "permuted"),)))
    edit.replace(node, Reshape(edit.shape(node.output)), (y,))

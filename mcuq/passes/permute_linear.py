"""Lets fully connected layers take and give values in another order by permuting their weights."""

from __future__ import annotations

import math

import numpy as np

from mcuq.ir.graph import Graph, Node
from mcuq.ir.layout import Perm, identity, is_reshape
from mcuq.ir.traits import WeightedOp
from mcuq.ir.types import Array, elem_count
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
        perm = node.op.permutation
        if _is_fully_connected(node):
            _permute_columns(edit, node)
        elif perm is not None:
            _permute_rows(edit, node, perm)
    return edit.finish()


def _is_fully_connected(node: Node | None) -> bool:
    return node is not None and isinstance(node.op, WeightedOp) and node.op.is_fully_connected


def _permute_columns(edit: GraphEdit, node: Node) -> None:
    x, w, b = node.inputs
    producer = edit.producer(edit.before_views(x))
    perm = None if producer is None else producer.op.permutation
    if producer is None or perm is None:
        return
    source = producer.inputs[0]
    columns = edit.shape(w)[1]
    order = _suffix_order(edit.shape(source), perm, columns)
    if order is None:
        refuse(NAME, node.name, f"the transpose before it, {perm}, mixes its {columns} columns")
        return
    weights = np.empty_like(edit.array(w))
    weights[:, order] = edit.array(w)
    shape = edit.shape(x)
    x = source
    if edit.shape(source) != shape:
        x = edit.put_reshape(node.name, source, shape, edit.derive(source, "flat"))
    edit.replace(node, node.op, (x, edit.constant(w, weights), b))


def _suffix_order(shape: tuple[int, ...], perm: tuple[int, ...], columns: int) -> Array | None:
    """The place before the transpose of each column, when only the last axes, `columns` in all, move."""
    for start in range(len(shape)):
        is_kept = perm[:start] == identity(start)
        if is_kept and math.prod(shape[start:]) == columns:
            places = np.arange(columns).reshape(shape[start:])
            return places.transpose([axis - start for axis in perm[start:]]).reshape(-1)
    return None


def _permute_rows(edit: GraphEdit, node: Node, perm: Perm) -> None:
    shape = edit.shape(node.inputs[0])
    tensor = edit.before_views(node.inputs[0], is_private=True)
    producer = edit.producer(tensor)
    if producer is None or not _is_fully_connected(producer) or is_reshape(shape, perm):
        return
    x, w, b = producer.inputs
    rows = edit.shape(w)[0]
    if not edit.is_private(tensor) or elem_count(shape) != rows:
        refuse(NAME, producer.name, "others read its output, or it computes several rows")
        return
    order = np.arange(rows).reshape(shape).transpose(perm).reshape(-1)
    w = edit.constant(w, edit.array(w)[order])
    b = edit.constant(b, edit.array(b)[order])
    edit.drop(producer)
    y = edit.put(Node(producer.name, producer.op, (x, w, b), (edit.derive(tensor, "permuted"),)))
    edit.become_reshape(node, y)

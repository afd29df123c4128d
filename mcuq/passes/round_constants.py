"""Rounds folded constants to float32, once."""

from __future__ import annotations

import numpy as np

from mcuq.errors import fail
from mcuq.ir.graph import Graph
from mcuq.passes.edit import GraphEdit


def round_constants(graph: Graph) -> Graph:
    """Round constants that passes computed in float64.

    Raises:
        McuqError: M005 where a value does not fit float32.
    """
    edit = GraphEdit(graph)
    for node in edit.sweep():
        inputs = tuple(_rounded(edit, name) for name in node.inputs)
        if inputs != node.inputs:
            edit.rewire(node, inputs)
    return edit.finish()


def _rounded(edit: GraphEdit, name: str) -> str:
    if not edit.is_constant(name) or edit.array(name).dtype == np.float32:
        return name
    with np.errstate(over="ignore"):
        array = edit.array(name).astype(np.float32)
    if not np.isfinite(array).all():
        raise fail(
            "M005",
            "a folded constant does not fit float32",
            where=f"tensor '{name}'",
            why=f"its largest value is {np.abs(edit.array(name)).max():g}",
            fix="look for a variance near zero or for huge weights",
        )
    return edit.set_constant(name, array)

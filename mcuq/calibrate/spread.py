"""How the values of tensors spread, followed through the network from its normalizations without any data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mcuq.calibrate.params import Range
from mcuq.ir.graph import Graph
from mcuq.ir.normalization import Normalization
from mcuq.ir.spread import Spread, bell, on_axis


def follow_spreads(graph: Graph, normalizations: Sequence[Normalization]) -> dict[str, Spread]:
    """The spread of every tensor that lies behind normalizations on all its paths.

    A normalization gives `beta + z |gamma|`. Element-wise operators act on the points; layers with weights
    add the variances of their inputs, as if these were independent, and give a bell curve again.

    Args:
        graph: at Stage.FLOAT, whose tensors have the model's names.
        normalizations: of the same model.

    Returns:
        Points by tensor name, without the tensors that depend on an input in any other way.

    Source: docs/calibration.md, without data.
    """
    known = {each.y: each for each in normalizations}
    spreads: dict[str, Spread] = {}
    for node in graph.nodes:
        found = known.get(node.output)
        if found is not None:
            rank = len(graph.tensors[node.output].shape)
            spreads[node.output] = on_axis(bell(found.beta, np.abs(found.gamma)), rank, 1)
            continue
        inputs = [_input(graph, spreads, name) for name in node.inputs]
        if all(each is not None for each in inputs):
            shapes = [graph.tensors[name].shape for name in (*node.inputs, node.output)]
            points = node.op.spread([each for each in inputs if each is not None], shapes)
            if points is not None and np.isfinite(points).all():
                spreads[node.output] = points
    return spreads


def spread_range(points: Spread) -> Range:
    """From the smallest to the largest point, widened to hold 0."""
    return Range(min(float(points.min()), 0.0), max(float(points.max()), 0.0))


def _input(graph: Graph, spreads: Mapping[str, Spread], name: str) -> Spread | None:
    if name in graph.constants:
        return graph.constants[name].astype(np.float64)[None]
    return spreads.get(name)

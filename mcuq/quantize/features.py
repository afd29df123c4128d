"""Inputs whose features have scales of their own, since what reads them says how far each matters."""

from __future__ import annotations

import numpy as np

from mcuq.calibrate.params import Scheme, quant_grid
from mcuq.calibrate.ranges import Ranges
from mcuq.ir.graph import Graph, Port
from mcuq.ir.types import DType, Float64, QuantParams


def feature_params(graph: Graph, port: Port, ranges: Ranges) -> QuantParams | None:
    """int16 with a scale for each feature of an input; None where something reads it that needs one scale.

    Args:
        graph: stage CANONICAL.
        port: an input of it.
        ranges: whose ties need one scale as well, as does state.

    Source: docs/numerics.md, R1.
    """
    shape = graph.tensors[port.tensor].shape
    is_turned = port.model_shape != shape or port.perm != tuple(range(len(shape)))
    is_seen = any(
        each.tensor == port.tensor or (each.feeds and each.feeds.input == port.name) for each in graph.outputs
    )
    is_tied = any(port.tensor in group for group in ranges.tied)
    readers = graph.consumers(port.tensor)
    if is_turned or is_seen or is_tied or not readers or not shape:
        return None
    most: Float64 = np.zeros(shape[-1])
    for node in readers:
        limits = node.op.feature_limits(graph.view(node))
        if limits is None:
            return None
        most = np.maximum(most, limits)
    scale, _ = quant_grid(-most, most, Scheme.SYMMETRIC, DType.INT16)
    # A scale of 1 for features that nothing reads.
    scale = np.where(most > 0, scale, 1.0)
    return QuantParams(tuple(scale.tolist()), 0, DType.INT16, len(shape) - 1)

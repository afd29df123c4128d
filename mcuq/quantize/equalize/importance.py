"""How much noise in a tensor's channels reaches the outputs of the network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mcuq.ir.graph import Graph
from mcuq.ir.types import Float64
from mcuq.quantize.equalize.statistics import ChannelStats


def propagate_importance(graph: Graph, stats: Mapping[str, ChannelStats]) -> dict[str, Float64]:
    """The power that independent noise of variance 1 in the elements of a channel has in the outputs.

    Squared weights carry it from a layer's outputs to its inputs, as independent errors add up in power. An
    activation lets through the share of its outputs that is not zero; other functions count as identities.

    Args:
        graph: stage CANONICAL.
        stats: of the tensors, where they are known.

    Returns:
        Per element, `[last axis]`, of every activation that an output depends on.
    """
    found: dict[str, Float64] = {}
    for port in graph.outputs:
        found[port.tensor] = np.ones(graph.tensors[port.tensor].shape[-1:] or (1,))
    for node in reversed(graph.nodes):
        if node.output not in found:
            continue
        behind = found[node.output]
        if node.output in stats:
            behind = behind * stats[node.output].active
        for name, value in zip(node.inputs, node.op.input_importance(behind, graph.view(node)), strict=False):
            if name not in graph.constants:
                found[name] = found[name] + value if name in found else value
    return found

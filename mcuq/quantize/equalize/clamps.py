"""Upper limits that no sample reaches, which would forbid rescaling."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from mcuq.ir.graph import Graph, Node
from mcuq.quantize.equalize.statistics import ChannelStats


def relax_clamps(graph: Graph, stats: Mapping[str, ChannelStats]) -> Graph:
    """ReLU instead of ReLU6 and the like where every sample stays below the limit.

    Args:
        graph: stage CANONICAL.
        stats: of all activations; equality with the limit counts as reaching it.
    """
    return dataclasses.replace(graph, nodes=tuple(_relaxed(node, stats) for node in graph.nodes))


def _relaxed(node: Node, stats: Mapping[str, ChannelStats]) -> Node:
    relaxed = node.op.relax_clamp()
    if relaxed is None or node.output not in stats:
        return node
    if stats[node.output].hi.max() >= node.op.output_clamp.hi:
        return node
    return dataclasses.replace(node, op=relaxed)

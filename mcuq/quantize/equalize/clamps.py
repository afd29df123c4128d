"""Upper limits that no sample reaches, which would forbid rescaling."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from mcuq.ir.graph import Graph, Node
from mcuq.ops.arithmetic import Add
from mcuq.ops.conv import Conv2d
from mcuq.ops.linear import Linear
from mcuq.ops.pool import Mean
from mcuq.ops.unary import Clip
from mcuq.quantize.equalize.statistics import ChannelStats


def relax_clamps(graph: Graph, stats: Mapping[str, ChannelStats]) -> Graph:
    """ReLU instead of ReLU6 and the like where every sample stays below the limit.

    Args:
        graph: stage CANONICAL.
        stats: of all activations; equality with the limit counts as reaching it.
    """
    return dataclasses.replace(graph, nodes=tuple(_relaxed(node, stats) for node in graph.nodes))


def _relaxed(node: Node, stats: Mapping[str, ChannelStats]) -> Node:
    op = node.op
    if not isinstance(op, Conv2d | Linear | Add | Mean | Clip) or node.output not in stats:
        return node
    if op.clamp.lo != 0 or not 0 < op.clamp.hi < math.inf or stats[node.output].hi.max() >= op.clamp.hi:
        return node
    clamp = dataclasses.replace(op.clamp, hi=math.inf)
    return dataclasses.replace(node, op=dataclasses.replace(op, clamp=clamp))

"""How much noise in a tensor's channels reaches the outputs of the network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from mcuq.ir.graph import Graph, Node
from mcuq.ir.types import Array, Float64, Shape, elem_count
from mcuq.ops.conv import Conv2d
from mcuq.ops.linear import Linear
from mcuq.ops.move import Concat, Reshape
from mcuq.ops.pool import AveragePool, Mean
from mcuq.quantize.equalize.statistics import ChannelStats
from mcuq.quantize.equalize.weights import by_input


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
        for name, value in _inputs(graph, node, behind):
            if name not in graph.constants:
                found[name] = found[name] + value if name in found else value
    return found


def _inputs(graph: Graph, node: Node, behind: Float64) -> Iterator[tuple[str, Float64]]:
    """What the inputs of an operator get of its output's importance."""
    op, y = node.op, graph.tensors[node.output].shape
    shapes = [graph.tensors[name].shape for name in node.inputs]
    x = shapes[0]
    if isinstance(op, Conv2d | Linear):
        squares = np.square(by_input(op, graph.constants[node.inputs[1]]).astype(np.float64)).sum(axis=2)
        value = np.einsum("gmc,gm->gc", squares, behind.reshape(len(squares), -1)).reshape(-1)
        yield node.inputs[0], value * _reuse(y, x)
    elif isinstance(op, Mean | AveragePool):
        # Each of n taps carries 1 / n^2, and is one of n of its window.
        yield node.inputs[0], behind * _reuse(y, x) / elem_count(op.window.kernel)
    elif isinstance(op, Reshape):
        spread: Array = np.broadcast_to(behind, y).reshape(x)
        yield node.inputs[0], spread.reshape(-1, *x[-1:]).mean(axis=0)
    elif isinstance(op, Concat) and op.axis == len(y) - 1:
        yield from zip(node.inputs, np.split(behind, np.cumsum([s[-1] for s in shapes])[:-1]), strict=True)
    else:
        for name, shape in zip(node.inputs, shapes, strict=True):
            same = behind if shape[-1:] == y[-1:] else np.full(shape[-1:] or (1,), behind.mean())
            yield name, same * _reuse(y, shape)


def _reuse(y: Shape, x: Shape) -> float:
    """Positions of an output for every position of an input: how often a tap reads an element."""
    return elem_count(y[:-1]) / elem_count(x[:-1])

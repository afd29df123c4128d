"""The passes in order: from the graph as read to the one that is calibrated and quantized."""

from __future__ import annotations

import math
from collections.abc import Callable

from mcuq.errors import McuqError, Problem
from mcuq.ir.graph import Graph, Stage
from mcuq.ir.types import FLOAT32_MAX
from mcuq.ir.verify import verify_graph
from mcuq.ops.pad import Pad
from mcuq.passes.absorb_input_transposes import absorb_input_transposes
from mcuq.passes.absorb_reshapes import absorb_reshapes
from mcuq.passes.combine_affines import combine_affines
from mcuq.passes.combine_neighbours import combine_neighbours
from mcuq.passes.edit import GraphEdit
from mcuq.passes.find_masks import find_masks
from mcuq.passes.find_normalizations import find_normalizations
from mcuq.passes.fold_batchnorm import fold_batchnorm
from mcuq.passes.fold_leading_batchnorm import fold_leading_batchnorm
from mcuq.passes.fuse_clip import fuse_clip
from mcuq.passes.fuse_pad import fuse_pad
from mcuq.passes.fuse_tables import fuse_tables
from mcuq.passes.hoist_elementwise import hoist_elementwise
from mcuq.passes.lower_batchnorm import lower_batchnorm
from mcuq.passes.move_transposes import move_transposes
from mcuq.passes.permute_filters import permute_filters
from mcuq.passes.permute_linear import permute_linear
from mcuq.passes.remove_noops import remove_noops
from mcuq.passes.restore_names import restore_names
from mcuq.passes.round_constants import round_constants
from mcuq.passes.scale_features import scale_features
from mcuq.passes.simplify_operators import simplify_operators
from mcuq.passes.split_transposes import split_transposes
from mcuq.passes.widen_products import widen_products

Pass = Callable[[Graph], Graph]

# Repeated until nothing changes. Transposes early: they stand between everything else.
SIMPLIFY: tuple[Pass, ...] = (
    combine_neighbours,
    remove_noops,
    move_transposes,
    absorb_input_transposes,
    permute_linear,
    permute_filters,
    combine_affines,
    scale_features,
    fold_batchnorm,
    hoist_elementwise,
    fuse_clip,
    fuse_tables,
    fold_leading_batchnorm,
    fuse_pad,
    simplify_operators,
    absorb_reshapes,
)

# Every round does all it can in one sweep; more rounds than these only shorten chains that nobody writes.
MAX_ROUNDS = 16


def canonicalize(graph: Graph) -> Graph:
    """Bring a float graph to the form that is calibrated and quantized.

    Args:
        graph: at Stage.FLOAT.

    Returns:
        An equal graph at Stage.CANONICAL: NHWC throughout, no Affine, no Transpose that another layout makes
        unnecessary, activations fused, constants float32. A tensor that has a name of the model has the
        value the model gives it, up to layout.

    Raises:
        McuqError: M004 for what would have to run on the device and cannot, M005 where a folded constant is
            not finite, I001 where a pass breaks the graph.
    """
    history: list[str] = []
    verify_graph(graph)
    graph = _run(find_normalizations, graph, history)
    graph = _run(find_masks, graph, history)
    graph = _repeat(SIMPLIFY, graph, history)
    graph = _run(lower_batchnorm, graph, history)
    graph = _repeat(SIMPLIFY, graph, history)
    for each in (split_transposes, round_constants, restore_names, widen_products):
        graph = _run(each, graph, history)
    problems = _left_pads(graph) + _left_masks(graph)
    if problems:
        raise McuqError(problems)
    graph = GraphEdit(graph).finish(Stage.CANONICAL)
    verify_graph(graph, history)
    return graph


def _run(each: Pass, graph: Graph, history: list[str]) -> Graph:
    """Run one pass and check what it made."""
    changed = each(graph)
    if changed is not graph:
        history.append(each.__name__)
        verify_graph(changed, history)
    return changed


def _repeat(passes: tuple[Pass, ...], graph: Graph, history: list[str]) -> Graph:
    """Run passes in turn until a whole round changes nothing."""
    for _ in range(MAX_ROUNDS):
        before = graph
        for each in passes:
            graph = _run(each, graph, history)
        if _is_same(before, graph):
            break
    return graph


def _is_same(a: Graph, b: Graph) -> bool:
    return a is b or (a.nodes == b.nodes and a.inputs == b.inputs and a.outputs == b.outputs)


def _left_pads(graph: Graph) -> list[Problem]:
    return [
        Problem(
            "M004",
            "a pad with minus infinity is not in front of a max pool",
            f"node '{node.name}'",
            "minus infinity has no integer code",
            "pad with a finite number",
        )
        for node in graph.nodes
        if isinstance(node.op, Pad) and math.isinf(node.op.value)
    ]


def _left_masks(graph: Graph) -> list[Problem]:
    return [
        Problem(
            "M004",
            "minus infinity is not in front of a softmax",
            f"node '{node.name}'",
            f"constant '{name}' holds it, or the smallest float32, and no integer code does",
            "mask with a finite number of the size of the values",
        )
        for node in graph.nodes
        for position, name in enumerate(node.inputs)
        if position not in node.op.constant_inputs
        and name in graph.constants
        and graph.constants[name].min() <= -FLOAT32_MAX
    ]

"""Finds normalizations that a model spells out in means, differences, squares and quotients."""

from __future__ import annotations

import dataclasses

import numpy as np

from mcuq.ir.expression import Expression, evaluate
from mcuq.ir.graph import Graph, Node
from mcuq.ir.layout import invert, permute
from mcuq.ir.op import Op
from mcuq.ir.types import Array, Shape, elem_count
from mcuq.ops.arithmetic import primitive
from mcuq.ops.normalize import along_axes, in_groups
from mcuq.ops.pool import mean_kernel
from mcuq.passes.edit import GraphEdit
from mcuq.passes.follow_function import follow_function

# Functions are told by their values at these points.
_POINTS = np.array([0.0, 0.01, 0.3, 1.0, 2.5, 40.0])
_ERROR = 1e-5
# Chains of operators in front of a tensor are followed so far.
_MAX_CHAIN = 16


def find_normalizations(graph: Graph) -> Graph:
    """Put one operator in the place of `(x - mean) / sqrt(mean (x - mean)^2 + epsilon)`, also without mean.

    A normalization of instances between reshapes that join channels is one of groups.
    """
    edit = GraphEdit(graph)
    for node in edit.sweep():
        if _is_binary(node, "mul"):
            _find_quotient(edit, node)
        elif node.op.is_view:
            _find_groups(edit, node)
    return edit.finish()


def _is_binary(node: Node | None, function: str) -> bool:
    """Whether a node is one primitive of two operands, and nothing behind."""
    return node is not None and primitive(node.op) == function


def _find_quotient(edit: GraphEdit, node: Node) -> None:
    for numerator, factor in (node.inputs, node.inputs[::-1]):
        variance, function = follow_function(edit, factor)
        epsilon = _epsilon(function)
        reduced = None if epsilon is None else _reduced(edit, variance)
        if epsilon is None or reduced is None or not _is_square(edit, reduced.source, numerator):
            continue
        centred = _centred(edit, numerator, reduced.axes)
        x = numerator if centred is None else centred
        if edit.shape(x) == edit.shape(node.output):
            _put(edit, node, x, reduced.axes, epsilon, centred is not None)
            return


def _epsilon(function: Expression) -> float | None:
    """The epsilon of `1 / sqrt(x + epsilon)`; None for other functions."""
    found = evaluate(function, _POINTS)
    if not np.isfinite(found[1:]).all() or not (found[1:] > 0).all():
        return None
    epsilon = float(found[0]) ** -2 if np.isfinite(found[0]) and found[0] > 0 else 0.0
    expected = 1.0 / np.sqrt(_POINTS[1:] + epsilon)
    return epsilon if np.allclose(found[1:], expected, rtol=_ERROR, atol=0) else None


@dataclasses.dataclass(frozen=True, slots=True)
class _Reduced:
    """A tensor whose means along some axes, which stay with size 1, another tensor holds."""

    source: str
    axes: tuple[int, ...]


def _before_layout(edit: GraphEdit, tensor: str, stop: str | None = None) -> tuple[str, list[Op]]:
    """What a tensor is a rearrangement of, and how; not beyond a tensor where to stop."""
    ops: list[Op] = []
    node = edit.producer(tensor)
    while node is not None and node.op.is_layout and len(ops) < _MAX_CHAIN and tensor != stop:
        ops.append(node.op)
        tensor = node.inputs[0]
        node = edit.producer(tensor)
    return tensor, ops[::-1]


def _rearranged(values: Array, ops: list[Op]) -> Array:
    for op in ops:
        shape = op.infer(values.shape)
        values = values.reshape(shape) if op.permutation is None else values.transpose(op.permutation)
    return values


def _reduced(edit: GraphEdit, tensor: str, stop: str | None = None) -> _Reduced | None:
    """What a tensor holds means of; found by following every element, whatever the layouts on the way."""
    pooled, behind = _before_layout(edit, tensor)
    node = edit.producer(pooled)
    kernel = None if node is None else mean_kernel(node.op)
    if node is None or kernel is None:
        return None
    source, before = _before_layout(edit, node.inputs[0], stop)
    shape = edit.shape(source)
    places = _rearranged(np.arange(elem_count(shape)).reshape(shape), before)
    means = node.op.infer(places.shape)
    number = np.arange(elem_count(means)).reshape(means)
    numbers = np.repeat(np.repeat(number, kernel[0], 1), kernel[1], 2)
    if numbers.shape != places.shape:
        return None
    own = np.empty(elem_count(shape), np.int64)
    own[places.reshape(-1)] = numbers.reshape(-1)
    final = _rearranged(number, behind)
    if final.ndim != len(shape) or any(a not in (1, b) for a, b in zip(final.shape, shape, strict=True)):
        return None
    if not (own.reshape(shape) == final).all():
        return None
    return _Reduced(source, tuple(i for i, size in enumerate(final.shape) if size != shape[i]))


def _is_square(edit: GraphEdit, tensor: str, of: str) -> bool:
    """Whether a tensor holds the squares of another one."""
    node = edit.producer(tensor)
    if node is not None and _is_binary(node, "mul"):
        return node.inputs == (of, of)
    source, function = follow_function(edit, tensor)
    points = np.concatenate([-_POINTS, _POINTS])
    return source == of and np.allclose(evaluate(function, points), points**2, rtol=_ERROR, atol=0)


def _centred(edit: GraphEdit, tensor: str, axes: tuple[int, ...]) -> str | None:
    """What a tensor is without its mean along axes; None where it is nothing so."""
    node = edit.producer(tensor)
    if node is None or not _is_binary(node, "sub"):
        return None
    x, mean = node.inputs
    return x if _reduced(edit, mean, x) == _Reduced(x, axes) else None


def _put(
    edit: GraphEdit, node: Node, x: str, axes: tuple[int, ...], epsilon: float, is_centred: bool
) -> None:
    """Normalize x along axes in the place of a node."""
    perm, flat, op = along_axes(edit.shape(x), axes, epsilon, is_centred)
    turned = permute(edit.shape(x), perm)
    y = edit.put_transpose(
        edit.node_name(node.name, "transpose"), x, perm, edit.derive(node.output, "in nhwc")
    )
    if flat != turned:
        y = edit.put_reshape(node.name, y, flat, edit.derive(node.output, "in"))
    y = edit.put(Node(node.name, op, (y,), (edit.derive(node.output, "nhwc"),)))
    if flat != turned:
        y = edit.put_reshape(node.name, y, turned, edit.derive(node.output, "4d"))
    edit.drop(node)
    edit.put_transpose(edit.node_name(node.output, "transpose"), y, invert(perm), node.output)


def _find_groups(edit: GraphEdit, node: Node) -> None:
    """Instances `[N, G, K]` between reshapes from and to `[N, C, ...]`."""
    inner, behind = _before_layout(edit, node.output)
    norm, shape = edit.producer(inner), edit.shape(node.output)
    if norm is None or len(shape) < 3 or not _is_all_private(edit, node.inputs[0], inner):
        return
    op = in_groups(norm.op, edit.shape(inner), shape)
    x, before = norm.inputs[0], list[Op]()
    while op is not None and edit.shape(x) != shape and len(before) < _MAX_CHAIN:
        source = edit.producer(x)
        if source is None or not source.op.is_layout:
            return
        before.insert(0, source.op)
        x = source.inputs[0]
    instances = (shape[0], edit.shape(inner)[-1], -1)
    if op is None or edit.shape(x) != shape or not _are_instances(shape, instances, before, behind):
        return
    perm = (0, *range(2, len(shape)), 1)
    y = edit.put_transpose(edit.node_name(norm.name, "transpose"), x, perm, edit.derive(x, "nhwc"))
    edit.drop(norm)
    y = edit.put(Node(norm.name, op, (y,), (edit.derive(node.output, "nhwc"),)))
    edit.drop(node)
    edit.put_transpose(edit.node_name(node.output, "transpose"), y, invert(perm), node.output)


def _is_all_private(edit: GraphEdit, tensor: str, first: str) -> bool:
    """Whether nothing else reads a tensor and what it is a rearrangement of, from the first one on."""
    while tensor != first and edit.is_private(tensor):
        node = edit.producer(tensor)
        assert node is not None
        tensor = node.inputs[0]
    return edit.is_private(tensor)


def _are_instances(shape: Shape, instances: Shape, before: list[Op], behind: list[Op]) -> bool:
    """Whether elements in front are those of `[N, G, K]`, channels behind, and are brought back behind."""
    places = np.arange(elem_count(shape)).reshape(shape)
    inside = _rearranged(places, before)
    is_inside = np.array_equal(inside, places.reshape(instances).transpose(0, 2, 1))
    return is_inside and np.array_equal(_rearranged(inside, behind), places)

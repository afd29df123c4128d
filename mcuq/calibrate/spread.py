"""How the values of tensors spread, followed through the network from its normalizations without any data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from mcuq.calibrate.params import Range
from mcuq.ir.expression import evaluate
from mcuq.ir.graph import Graph, Node
from mcuq.ir.normalization import Normalization
from mcuq.ir.op import Clamp, Op
from mcuq.ir.types import Float64, Shape, elem_count
from mcuq.ops.affine import Affine
from mcuq.ops.arithmetic import Add, Mul
from mcuq.ops.conv import Conv2d
from mcuq.ops.linear import Linear
from mcuq.ops.move import Concat, Reshape, Slice, Transpose
from mcuq.ops.pad import Pad
from mcuq.ops.pool import AveragePool, MaxPool, Mean
from mcuq.ops.resize import ResizeNearest
from mcuq.ops.softmax import Softmax
from mcuq.ops.table import Table
from mcuq.ops.unary import Clip

SIGMAS = 6.0
# Every value of a tensor is described by what it would be at these deviations from the mean of a bell curve.
_Z = np.arange(-SIGMAS, SIGMAS + 0.125, 0.25)
_WEIGHTS = np.exp(-0.5 * _Z * _Z) / np.exp(-0.5 * _Z * _Z).sum()
# n neighbours count as so many independent ones, as a power of n.
_INDEPENDENT = 0.25
# Larger tensors without channels are described as a whole.
_MAX_ELEMS = 1 << 14

Spread: TypeAlias = Float64
"""Points `[49, *axes]` whose axes broadcast to the tensor's shape: a channel axis and ones, as a rule."""


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
            spreads[node.output] = _on_axis(bell(found.beta, np.abs(found.gamma)), rank, 1)
            continue
        inputs = [_input(graph, spreads, name) for name in node.inputs]
        if all(each is not None for each in inputs):
            points = _apply(graph, node, [each for each in inputs if each is not None])
            if points is not None and np.isfinite(points).all():
                spreads[node.output] = points
    return spreads


def spread_range(points: Spread) -> Range:
    """From the smallest to the largest point, widened to hold 0."""
    return Range(min(float(points.min()), 0.0), max(float(points.max()), 0.0))


def spread_moments(points: Spread) -> tuple[float, float]:
    """Mean and deviation over all channels."""
    mean, variance = _moments(points)
    return float(mean.mean()), float(np.sqrt(variance.mean() + mean.var()))


def bell(mean: Float64, deviation: Float64) -> Spread:
    """Points of a bell curve, `[49, *shape]`."""
    return np.asarray(mean + _Z.reshape(-1, *[1] * np.ndim(mean)) * deviation)


def _moments(points: Spread) -> tuple[Float64, Float64]:
    """Mean and variance at every place of the axes."""
    mean = np.tensordot(_WEIGHTS, points, 1)
    square = np.tensordot(_WEIGHTS, (points - mean) ** 2, 1)
    return mean, square


def _on_axis(points: Spread, rank: int, axis: int) -> Spread:
    """Points `[49, C]` along one axis of `rank`."""
    return points.reshape(len(_Z), *(-1 if other == axis else 1 for other in range(rank)))


def _input(graph: Graph, spreads: Mapping[str, Spread], name: str) -> Spread | None:
    if name in graph.constants:
        return graph.constants[name].astype(np.float64)[None]
    return spreads.get(name)


def _apply(graph: Graph, node: Node, inputs: list[Spread]) -> Spread | None:
    """The points of a node's output; None for operators that this file does not know."""
    rule = _RULES.get(type(node.op))
    if rule is None:
        return None
    shapes = [graph.tensors[name].shape for name in (*node.inputs, node.output)]
    return rule(node.op, inputs, shapes)


def _clamp(points: Spread, clamp: Clamp) -> Spread:
    return np.clip(points, clamp.lo, clamp.hi)


def _layer(op: Op, inputs: list[Spread], shapes: Sequence[Shape]) -> Spread:
    """Sums of weighted inputs: a bell curve in every output channel."""
    assert isinstance(op, Conv2d | Linear)
    x, w, b = inputs[0], inputs[1][0], inputs[2][0]
    x = np.broadcast_to(x, (*x.shape[:-1], shapes[0][-1]))
    mean, variance = (each.reshape(-1, each.shape[-1]).mean(axis=0) for each in _moments(x))
    if isinstance(op, Conv2d):
        w = w.reshape(len(w), -1, w.shape[3])
        group = np.arange(len(w)) // (len(w) // op.groups)
        columns = group[:, None] * w.shape[2] + np.arange(w.shape[2])
        mean, variance = mean[columns][:, None], variance[columns][:, None]
    axes = tuple(range(1, w.ndim))
    out = bell((w * mean).sum(axis=axes) + b, np.sqrt((w * w * variance).sum(axis=axes)))
    return _clamp(_on_axis(out, len(shapes[-1]), len(shapes[-1]) - 1), op.clamp)


def _affine(op: Op, inputs: list[Spread], shapes: Sequence[Shape]) -> Spread:
    assert isinstance(op, Affine)
    view = [-1 if axis == op.axis else 1 for axis in range(len(shapes[0]))]
    x, a, b = inputs
    return np.asarray(x * a.reshape(view) + b.reshape(view))


def _arithmetic(op: Op, inputs: list[Spread], shapes: Sequence[Shape]) -> Spread:
    """Constants act on the points; two tensors are taken as independent and give a bell curve."""
    assert isinstance(op, Add | Mul)
    rank = len(shapes[-1])
    a, b = (x.reshape(len(x), *[1] * (rank + 1 - x.ndim), *x.shape[1:]) for x in inputs)
    is_sub = isinstance(op, Add) and op.is_subtraction
    if len(a) == 1 or len(b) == 1:
        points = a * b if isinstance(op, Mul) else (a - b if is_sub else a + b)
        return _clamp(points, op.clamp)
    (m, v), (n, u) = _moments(a), _moments(b)
    if isinstance(op, Mul):
        out = bell(np.asarray(m * n), np.sqrt(v * u + v * n * n + u * m * m))
    else:
        out = bell(np.asarray(m - n if is_sub else m + n), np.sqrt(v + u))
    lo, hi = _limits(op, a, b)
    return _clamp(np.clip(out, lo, hi), op.clamp)


def _limits(op: Add | Mul, a: Spread, b: Spread) -> tuple[Float64, Float64]:
    """What no sum or product of the points can leave: sums of rectified values stay positive."""
    corners = [(each_a, each_b) for each_a in (a.min(0), a.max(0)) for each_b in (b.min(0), b.max(0))]
    if isinstance(op, Mul):
        results = [x * y for x, y in corners]
    else:
        results = [x - y if op.is_subtraction else x + y for x, y in corners]
    lo: Float64 = np.minimum.reduce(results)
    hi: Float64 = np.maximum.reduce(results)
    return lo, hi


def _keep(op: Op, inputs: list[Spread], shapes: Sequence[Shape]) -> Spread:
    """The largest of a window, or the nearest: what it may be stays."""
    points: Spread = inputs[0].mean(axis=tuple(range(1, inputs[0].ndim - 1)), keepdims=True)
    return points


def _average(op: Op, inputs: list[Spread], shapes: Sequence[Shape]) -> Spread:
    """Neighbours resemble each other, so n taps count as the fourth root of n independent ones.

    Measured on the calibration halves, n^0 / n^1/4 / n^1/2 / n^1: IC 29.6 / 31.2 / 32.0 / 20.4 dB, VWW 24.5 /
    24.7 / 23.6 / 14.1, KWS 23.9 / 23.9 / 21.9 / 15.8, digits 30.2 / 30.6 / 31.0 / 23.9.
    """
    assert isinstance(op, AveragePool | Mean)
    points = _keep(op, inputs, shapes)
    mean, variance = _moments(points)
    taps = elem_count(op.window.kernel)
    out = np.clip(bell(mean, np.sqrt(variance / taps**_INDEPENDENT)), points.min(0), points.max(0))
    return _clamp(out, op.clamp) if isinstance(op, Mean) else out


def _clip(op: Op, inputs: list[Spread], shapes: Sequence[Shape]) -> Spread:
    assert isinstance(op, Clip)
    return _clamp(inputs[0], op.clamp)


def _pad(op: Op, inputs: list[Spread], shapes: Sequence[Shape]) -> Spread | None:
    """A border of zeros changes no range; one of other numbers is rare."""
    assert isinstance(op, Pad)
    is_simple = op.value == 0 or np.isneginf(op.value)
    return _keep(op, inputs, shapes) if is_simple else None


def _table(op: Op, inputs: list[Spread], shapes: Sequence[Shape]) -> Spread:
    assert isinstance(op, Table)
    return _clamp(evaluate(op.function, inputs[0]), op.clamp)


def _softmax(op: Op, inputs: list[Spread], shapes: Sequence[Shape]) -> Spread:
    return np.linspace(0.0, 1.0, len(_Z)).reshape(-1, *[1] * len(shapes[0]))


def _reshape(op: Op, inputs: list[Spread], shapes: Sequence[Shape]) -> Spread:
    before, after = shapes[0], shapes[-1]
    points = inputs[0]
    if elem_count(before) > _MAX_ELEMS:
        mean, deviation = spread_moments(points)
        whole = np.clip(bell(np.array(mean), np.array(deviation)), points.min(), points.max())
        return whole.reshape(-1, *[1] * len(after))
    return np.broadcast_to(points, (len(points), *before)).reshape(len(points), *after)


def _transpose(op: Op, inputs: list[Spread], shapes: Sequence[Shape]) -> Spread:
    assert isinstance(op, Transpose)
    return inputs[0].transpose(0, *(axis + 1 for axis in op.perm))


def _slice(op: Op, inputs: list[Spread], shapes: Sequence[Shape]) -> Spread:
    assert isinstance(op, Slice)
    cuts = zip(op.starts, op.stops, op.steps, inputs[0].shape[1:], strict=True)
    index = [slice(None) if size == 1 else slice(a, b, c) for a, b, c, size in cuts]
    return inputs[0][(slice(None), *index)]


def _concat(op: Op, inputs: list[Spread], shapes: Sequence[Shape]) -> Spread:
    assert isinstance(op, Concat)
    axis = op.axis + 1
    others = np.broadcast_shapes(*((*x.shape[1:axis], *x.shape[axis + 1 :]) for x in inputs))
    parts = [
        np.broadcast_to(x, (len(_Z), *others[: op.axis], shape[op.axis], *others[op.axis :]))
        for x, shape in zip(inputs, shapes, strict=False)
    ]
    return np.concatenate(parts, axis=axis)


_Rule: TypeAlias = Callable[[Op, list[Spread], Sequence[Shape]], "Spread | None"]
_RULES: Mapping[type[Op], _Rule] = {
    Conv2d: _layer,
    Linear: _layer,
    Affine: _affine,
    Add: _arithmetic,
    Mul: _arithmetic,
    MaxPool: _keep,
    AveragePool: _average,
    Mean: _average,
    Clip: _clip,
    ResizeNearest: _keep,
    Pad: _pad,
    Table: _table,
    Softmax: _softmax,
    Reshape: _reshape,
    Transpose: _transpose,
    Slice: _slice,
    Concat: _concat,
}

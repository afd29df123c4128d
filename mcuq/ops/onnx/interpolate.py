"""Resizing by cubic weights, with antialias and of a cropped part: a product with a matrix for every axis."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from mcuq.ir.types import Float64, Shape
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.ops.arithmetic import Add
from mcuq.ops.linear import Linear
from mcuq.ops.move import Reshape
from mcuq.ops.onnx.emit import transpose

# Weights of one axis, int8 on the device.
_MAX_WEIGHTS = 1 << 20


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Interpolation:
    """How an axis is resized.

    Args:
        places: where each new value lies in the old axis, float64 `[new]`.
        scale: new size by old size.
        size: the old one.
        is_extrapolated: whether places outside get a value of their own.
    """

    places: Float64
    scale: float
    size: int
    is_extrapolated: bool = False

    @property
    def is_inside(self) -> Float64:
        """1 for places in the old axis or where it goes on beyond its ends, 0 for others."""
        inside = (self.places >= 0) & (self.places <= self.size - 1)
        return (inside | (not self.is_extrapolated)).astype(np.float64)

    def matrix(self, node: OnnxNode) -> Float64:
        """Weights of the old values for every new one, `[new, old]`, which sum to 1; 0 for places outside.

        Source: ONNX, Resize: weights by the distance to the place, stretched where antialias shrinks.
        """
        stretch = min(self.scale, 1.0) if node.get_int("antialias", 0) else 1.0
        is_cubic = node.get_string("mode", "nearest") == "cubic"
        reach = math.ceil((2 if is_cubic else 1) / stretch)
        base = np.floor(self.places).astype(np.int64)
        near = base[:, None] + np.arange(-reach, reach + 2)
        distance = np.abs(near - self.places[:, None]) * stretch
        weights = (
            _cubic(distance, node.get_finite("cubic_coeff_a", -0.75))
            if is_cubic
            else np.maximum(1 - distance, 0)
        )
        if node.get_int("exclude_outside", 0):
            weights = np.where((near >= 0) & (near < self.size), weights, 0)
        total = weights.sum(1, keepdims=True)
        if (np.abs(total) < 1e-6).any() or not np.isfinite(total).all():
            raise unsupported("its weights have no sum", "resize with the default cubic_coeff_a")
        matrix = np.zeros((len(self.places), self.size))
        rows = np.broadcast_to(np.arange(len(self.places))[:, None], near.shape)
        np.add.at(matrix, (rows, np.clip(near, 0, self.size - 1)), weights / total)
        return matrix * self.is_inside[:, None]


def _cubic(distance: Float64, a: float) -> Float64:
    near = ((a + 2) * distance - (a + 3)) * distance * distance + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.asarray(np.where(distance <= 1, near, np.where(distance < 2, far, 0.0)), np.float64)


def crop_places(node: OnnxNode, roi: tuple[float, float], old: int, new: int) -> Float64:
    """Places of tf_crop_and_resize: from the start of a part to its end.

    Raises:
        Refused: M005.
    """
    start, end = roi
    if not max(abs(start), abs(end)) < 1e6:
        raise Refused("M005", f"its roi is {start} to {end}", "export the model again")
    if new == 1:
        return np.array([0.5 * (start + end) * (old - 1)])
    return np.asarray(
        start * (old - 1) + np.arange(new) * ((end - start) * (old - 1) / (new - 1)), np.float64
    )


def emit_interpolated(
    ctx: ImportContext, node: OnnxNode, x: str, axes: Mapping[int, Interpolation], output: str
) -> None:
    """Add a fully connected layer along every axis, and what lies outside."""
    shape = ctx.shape(x)
    for number, (axis, how) in enumerate(axes.items()):
        count = len(how.places) * how.size
        if count > _MAX_WEIGHTS:
            raise unsupported(
                f"axis {axis} has {count:_} weights, the limit is {_MAX_WEIGHTS:_}", "resize a smaller image"
            )
        if not (np.abs(how.places) < 1 << 30).all():
            raise Refused("M002", f"its scale of axis {axis} is {how.scale:g}", "export the model again")
        ctx.budget.take(count)
        rank = len(shape)
        perm = (*(other for other in range(rank) if other != axis), axis)
        name = f"{output} [{number}]"
        w = ctx.store(how.matrix(node), f"{name} [weights]")
        b = ctx.store(np.zeros(len(how.places)), f"{name} [bias]")
        x = transpose(ctx, x, perm, ctx.temporary(name, "in"))
        x = ctx.emit(Linear(), (x, w, b), ctx.temporary(name, "mixed"), is_helper=number > 0)
        back = tuple(int(place) for place in np.argsort(perm))
        x = transpose(ctx, x, back, ctx.temporary(name, "axis"))
    value = node.get_finite("extrapolation_value", 0.0)
    inside = _inside(axes, ctx.shape(x))
    if value == 0 or inside.all():
        ctx.emit(Reshape(ctx.shape(x)), (x,), output, is_helper=True)
        return
    outside = ctx.store(np.ascontiguousarray((1 - inside) * value), f"{output} [outside]")
    ctx.emit(Add(), (x, outside), output, is_helper=True)


def _inside(axes: Mapping[int, Interpolation], shape: Shape) -> Float64:
    """1 for values that lie inside along every axis, 0 for others, in a shape that broadcasts."""
    inside = np.ones((1,) * len(shape))
    for axis, how in axes.items():
        inside = inside * how.is_inside.reshape([-1 if each == axis else 1 for each in range(len(shape))])
    return inside

"""Per-channel scale and shift: BatchNormalization before it is folded."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.expression import Apply, Expression, Number, X
from mcuq.ir.layout import Perm, axis_before_reshape, identity, invert, permute
from mcuq.ir.op import Limits, NodeView, Op, RangeRule, Rewrite, ShapeError
from mcuq.ir.spread import Spread
from mcuq.ir.types import Float64, Shape
from mcuq.ops.arithmetic import Add, Mul
from mcuq.ops.conv import Conv2d
from mcuq.ops.feature_scale import FeatureScale
from mcuq.ops.move import Reshape, Transpose
from mcuq.ops.table import Table
from mcuq.ops.window import Window


@dataclasses.dataclass(frozen=True, slots=True)
class Affine(Op):
    """y = x * a + b with one a and b per index of `axis`; inputs x, a `[C]`, b `[C]`."""

    axis: int

    kind: ClassVar[str] = "affine"
    range_rule: ClassVar[RangeRule] = RangeRule.FLOAT_ONLY
    arity: ClassVar[tuple[int, int]] = (3, 3)
    constant_inputs: ClassVar[frozenset[int]] = frozenset({1, 2})
    hoisted_role: ClassVar[str] = "scaled"

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        x, a, b = shapes
        if not 0 <= self.axis < len(x) or a != (x[self.axis],) or b != a:
            raise ShapeError(f"input {x}, scale {a} and shift {b} do not fit along axis {self.axis}")
        return x

    @staticmethod
    def is_uniform(view: NodeView) -> bool:
        """Whether it does the same to all channels."""
        return all(bool(np.all(view.constant(index) == view.constant(index)[0])) for index in (1, 2))

    @staticmethod
    def values(view: NodeView, channels: int) -> tuple[Float64, Float64]:
        """Scale and shift in float64, one value per channel; uniform ones fit any number."""
        scale, shift = (view.constant(index).astype(np.float64) for index in (1, 2))
        a, b = (each if each.shape == (channels,) else np.full(channels, each[0]) for each in (scale, shift))
        return a, b

    def as_features(self, view: NodeView) -> FeatureScale:
        """The step that does the same along the last axis, with positive scales."""
        scale, shift = self.values(view, view.output[-1])
        return FeatureScale(tuple(scale.tolist()), tuple(shift.tolist()))

    def commute_with_transpose(self, perm: Perm) -> Op | None:
        """Along the axis that was moved."""
        return Affine(perm[self.axis])

    def commute_with_reshape(self, view: NodeView, old: Shape) -> Rewrite | None:
        """Along the same axis where there is one; if all channels are alike, along any."""
        axis = axis_before_reshape(old, view.shapes[0], self.axis)
        if axis is None and not (old and self.is_uniform(view)):
            return None
        axis = len(old) - 1 if axis is None else axis
        if view.shapes[1] == (old[axis],):
            return Rewrite(Affine(axis))
        constants = (np.full(old[axis], view.constant(index)[0], np.float64) for index in (1, 2))
        return Rewrite(Affine(axis), tuple((1 + index, "", each) for index, each in enumerate(constants)))

    def keeps_axes(self, view: NodeView) -> bool:
        return True

    def is_identity(self, view: NodeView, limits: Callable[[], Limits]) -> bool:
        """A scale of 1 and a shift of 0."""
        return bool(np.all(view.constant(1) == 1) and np.all(view.constant(2) == 0))

    def is_pointwise(self, view: NodeView) -> bool:
        """Where all channels are alike."""
        return self.is_uniform(view)

    def expression(self, view: NodeView, operands: Sequence[Expression]) -> Expression:
        """`a x + b` of numbers, without what changes nothing."""
        scale, shift = (float(view.constant(index)[0]) for index in (1, 2))
        x = operands[0]
        function = x if scale == 1.0 else Apply("mul", (x, Number(scale)))
        return function if shift == 0.0 else Apply("add", (function, Number(shift)))

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        view = [-1 if axis == self.axis else 1 for axis in range(len(shapes[0]))]
        x, a, b = inputs
        return np.asarray(x * a.reshape(view) + b.reshape(view))

    def expand(self, view: NodeView, is_input: bool) -> tuple[Rewrite, ...]:
        """A table where all channels are alike, an operand of Mul or Add, or a depthwise convolution.

        An operand is for a scale alone, or a shift alone, along an axis other than the last of a tensor that
        no input can turn.
        """
        if self.is_uniform(view):
            return (Rewrite(Table(self.expression(view, (X,)))),)
        scale, shift = view.constant(1), view.constant(2)
        is_scale, is_shift = bool(np.any(scale != 1)), bool(np.any(shift != 0))
        rank = len(view.output)
        if self.axis == rank - 1 or is_input or (is_scale and is_shift):
            return self._as_convolution(view)
        shape = (-1, *[1] * (rank - 1 - self.axis))
        if is_scale:
            return (Rewrite(Mul(), ((1, "", scale.reshape(shape)),)),)
        return (Rewrite(Add(), ((2, "", shift.reshape(shape)),)),)

    def _as_convolution(self, view: NodeView) -> tuple[Rewrite, ...]:
        """One tap per channel, between transposes and reshapes that bring the channels last of four axes."""
        shape = view.output
        rank, channels = len(shape), shape[self.axis]
        perm = (*(other for other in range(rank) if other != self.axis), self.axis)
        turned = permute(shape, perm)
        image = turned if rank == 4 else (1, 1, math.prod(turned[:-1]), channels)
        scale, shift = self.values(view, channels)
        constants = (
            (1, "weights", np.asarray(scale.reshape(channels, 1, 1, 1))),
            (2, "bias", np.asarray(shift)),
        )
        around: list[tuple[Op, Op]] = []
        if perm != identity(rank):
            around.append((Transpose(perm), Transpose(invert(perm))))
        if image != turned:
            around.append((Reshape(image), Reshape(turned)))
        layer = Rewrite(Conv2d(Window((1, 1)), groups=channels), constants)
        return (
            *(Rewrite(before) for before, _ in around),
            layer,
            *(Rewrite(behind) for _, behind in reversed(around)),
        )

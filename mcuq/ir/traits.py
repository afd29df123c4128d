"""What kinds of operators have in common: answers that an operator of the kind inherits."""

from __future__ import annotations

import abc
import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar, cast

import numpy as np

from mcuq.ir.layout import Perm
from mcuq.ir.op import Clamp, Limits, NodeView, Op, Rewrite, reuse
from mcuq.ir.spread import Spread, bell, moments, on_axis
from mcuq.ir.types import Array, Float64, Shape

OpT = TypeVar("OpT", bound=Op)


def changed(op: OpT, **attributes: object) -> OpT:
    """An operator with other attributes; every operator is a dataclass, which its base cannot say."""
    return cast(OpT, dataclasses.replace(cast(Any, op), **attributes))


def keeps_last(perm: Perm) -> bool:
    """Whether a transpose leaves the last axis last."""
    return perm[-1] == len(perm) - 1


class ClampedOp(Op):
    """An operator that ends with limits of its own, so that activations fuse into it."""

    clamp: Clamp

    @property
    def output_clamp(self) -> Clamp:
        return self.clamp

    def fuse_clamp(self, clamp: Clamp) -> Op | None:
        """Both clamps in one."""
        return changed(self, clamp=self.clamp.then(clamp))

    def value_range(self, x: Callable[[], Limits]) -> Limits:
        return self.clamp.lo, self.clamp.hi

    def is_homogeneous(self) -> bool:
        """As a linear operator whose limits are 0 or none."""
        return self.clamp.is_homogeneous

    def relax_clamp(self) -> Op | None:
        """ReLU for ReLU6 and the like."""
        if self.clamp.lo != 0 or not 0 < self.clamp.hi < math.inf:
            return None
        relaxed: ClampedOp = changed(self, clamp=Clamp(self.clamp.lo, math.inf))
        return relaxed if relaxed.is_homogeneous() else None


class PointwiseOp(ClampedOp):
    """One function of every element, so that layout and shape do not matter."""

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        return shapes[0]

    def commute_with_transpose(self, perm: Perm) -> Op | None:
        return self

    def commute_with_reshape(self, view: NodeView, old: Shape) -> Rewrite | None:
        return Rewrite(self)

    def is_pointwise(self, view: NodeView) -> bool:
        return True


class SelectingOp(Op):
    """Every output value is one of the input's or lies between some of them."""

    def value_range(self, x: Callable[[], Limits]) -> Limits:
        return x()

    def is_homogeneous(self) -> bool:
        """Scaled values are chosen alike."""
        return True


class ChoosingOp(Op):
    """One of two tensors (inputs 1 and 2), as truth values (input 0) say."""


class MaskableOp(Op):
    """An operator on rows (input 0) that may leave out elements which a mask (input 1) does not keep."""

    @abc.abstractmethod
    def masked(self) -> Op:
        """The operator with a mask; itself where it has one."""


class ComparingOp(Op):
    """Two operands that are compared: a constant takes the parameters of the tensor that it meets.

    So what is equal in the model has equal codes.
    """


class LookupOp(Op):
    """Rows of a constant table (input 0) by whole numbers (input 1)."""

    constant_inputs: ClassVar[frozenset[int]] = frozenset({0})
    own_inputs: ClassVar[frozenset[int]] = frozenset({1})

    @abc.abstractmethod
    def rows(self, table: Shape) -> int:
        """How many rows there are to choose from."""


class WeightedOp(ClampedOp):
    """Sums of products of an input and constant weights, output channel first, plus a bias `[M]`."""

    is_fully_connected: ClassVar[bool] = False  # whether all values of a row meet, in any order

    @property
    def group_count(self) -> int:
        """Groups of channels that do not meet."""
        return 1

    @property
    def is_padded(self) -> bool:
        """Whether zeros are added around the input."""
        return False

    @abc.abstractmethod
    def absorb_input(
        self, weights: Float64, bias: Array, scale: Float64, shift: Float64
    ) -> tuple[Float64, Float64]:
        """Weights and bias for an input x where the ones given are for `scale x + shift`.

        Args:
            weights: `[M, ...]`.
            bias: `[M]`.
            scale: one per input channel.
            shift: likewise.
        """

    @abc.abstractmethod
    def positions(self, x: Shape) -> int:
        """Output positions of one sample: how often every weight is used."""

    @abc.abstractmethod
    def read_rows(self, x: Array, chosen: Array) -> Array:
        """The input values that some output positions are sums of.

        Args:
            x: `[n, *shape]` of any type, zero where padding would be.
            chosen: output positions of a sample, `[p]`.

        Returns:
            `[G, n * p, K]` for G groups, K in the order of the weights.
        """

    def by_input(self, weights: Array) -> Array:
        """Weights `[M, ...]` as `[G, m, taps, c]`: G groups of m outputs and c input channels."""
        groups = self.group_count
        return weights.reshape(groups, len(weights) // groups, -1, weights.shape[-1])

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        """Sums of weighted inputs: a bell curve in every output channel."""
        x, w, b = inputs[0], inputs[1][0], inputs[2][0]
        x = np.broadcast_to(x, (*x.shape[:-1], shapes[0][-1]))
        mean, variance = (each.reshape(-1, each.shape[-1]).mean(axis=0) for each in moments(x))
        out = bell(*self._sum_moments(w, b, mean, variance))
        return self.clamp.apply(on_axis(out, len(shapes[-1]), len(shapes[-1]) - 1))

    def _sum_moments(self, w: Array, b: Array, mean: Float64, variance: Float64) -> tuple[Float64, Float64]:
        """Mean and deviation of the sums, `[M]`, where those of the input are per channel."""
        return np.asarray((w * mean).sum(axis=1) + b), np.sqrt((w * w * variance).sum(axis=1))

    def input_importance(self, y: Float64, view: NodeView) -> tuple[Float64, ...]:
        """Independent errors add up in power: squared weights carry them."""
        squares = np.square(self.by_input(view.constant(1)).astype(np.float64)).sum(axis=2)
        value = np.einsum("gmc,gm->gc", squares, y.reshape(len(squares), -1)).reshape(-1)
        return (value * reuse(view.output, view.shapes[0]),)

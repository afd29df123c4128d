"""The channels of steps with weights: bounds of their sums, and constant inputs folded into the bias."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar, cast

import numpy as np

from mcuq.ir.channels import Bounds, Link
from mcuq.ir.integer import INT32_MAX, Requant
from mcuq.ir.op import ShapeError
from mcuq.ir.program import CodeRange, StepOp, require_types
from mcuq.ir.types import Array, DType, Shape, elem_count, freeze, require
from mcuq.ops.accumulator import Accumulator
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Geometry

StepT = TypeVar("StepT", bound=StepOp)


class WeightedStep(StepOp):
    """A step that requantizes sums of products: convolutions of every kind, and fully connected."""

    params: WeightedParams

    chooses_type: ClassVar[bool] = True

    @abc.abstractmethod
    def sums(self, x: Array, weights: Array) -> Array:
        """Exact sums of products, without bias; taps outside the image add 0.

        Args:
            x: centred codes `[samples, *input shape]`; dense steps take any part of the input channels.
            weights: of these channels, output channels first.

        Returns:
            `[samples, ..., M]`.
        """

    def run(self, *xs: Array) -> Array:
        """X `[samples, ..., C]` to y `[samples, ..., M]`: sums of centred codes, requantized and limited."""
        return self.params.finish(self.sums(self.params.centre(xs[0]), self.params.weights))

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """As declared."""
        require_types(self.kind, types, self.params.x_type)
        return (self.params.y_type,)

    def code_range(self) -> tuple[int, int]:
        """The clamp's limits."""
        return self.params.lo, self.params.hi

    def check(self, *ranges: CodeRange) -> None:
        """No sum leaves its accumulator."""
        self.params.prove(*ranges[0])

    def macs(self, output: Shape) -> int:
        """One per output and tap."""
        return elem_count(output) * int(self.params.weights[0].size)

    def weight_bytes(self) -> int:
        """One per int8 weight, one for two int4 weights."""
        return self.params.weight_type.size_bytes(self.params.weights.size)

    def constant_types(self) -> tuple[DType, ...]:
        """That of the weights."""
        return (self.params.weight_type,)

    def bounds(self, *inputs: Bounds) -> Bounds:
        """Each product at the end of its input that its weight's sign asks for; the rest is monotone."""
        (x,) = inputs
        lo, hi = (self.params.centre(codes[None]) for codes in (x.lo, x.hi))
        up, down = np.maximum(self.params.weights, 0), np.minimum(self.params.weights, 0)
        least = self.sums(lo, up) + self.sums(hi, down)
        most = self.sums(hi, up) + self.sums(lo, down)
        return Bounds(self.params.finish(least)[0], self.params.finish(most)[0])


class GroupedStep(WeightedStep):
    """A step over images with weights `[M, KH, KW, C / groups]`: filter m reads the channels of its group."""

    groups: int

    @property
    @abc.abstractmethod
    def geometry(self) -> Geometry:
        """Where taps lie in an image."""

    def __post_init__(self) -> None:
        """Check that the weights fill the window."""
        require(self.params.weights.ndim == 4, "weights of 4 axes")
        require(self.params.weights.shape[1:3] == self.geometry.kernel, "weights of the window's size")
        require(self.groups >= 1, "at least one group")

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, OH, OW, M]`."""
        (x,) = shapes
        weights = self.params.weights
        if len(x) != 4 or x[3] != weights.shape[3] * self.groups or len(weights) % self.groups:
            raise ShapeError(f"input {x}, weights {weights.shape} and {self.groups} groups do not fit")
        return self.geometry.output_shape(x, len(weights))

    def links(self, *inputs: Bounds) -> tuple[Link, ...]:
        """What has weights; a group's inputs and outputs stay or go as a whole."""
        if self.groups == 1:
            return (dense_link(self, inputs[0]),)
        rows, columns = len(self.params.weights) // self.groups, self.params.weights.shape[3]
        pairs = np.indices((self.groups, rows, columns)).reshape(3, -1)
        return (Link(pairs[0] * columns + pairs[2], pairs[0] * rows + pairs[1]),)

    def select(self, inputs: Sequence[Array], output: Array, bounds: Sequence[Bounds]) -> StepOp:
        """Fewer filters, and fewer input channels or groups."""
        if self.groups == 1:
            params, groups = select_dense(self, inputs[0], output, bounds[0]), 1
        else:
            params = select_rows(self.params, output)
            groups = int(output.sum()) * self.groups // len(output)
        return changed_step(self, params=params, groups=groups)


def changed_step(step: StepT, **parameters: object) -> StepT:
    """A step with other parameters; every step is a dataclass, which its base cannot say."""
    return cast(StepT, dataclasses.replace(cast(Any, step), **parameters))


def dense_link(op: WeightedStep, x: Bounds) -> Link:
    """What each output channel of a dense step needs.

    That is every input channel that it has weights for, except one whose codes are constant and add the same
    at every output position: a code other than the zero point does not at the border of a padded image.
    """
    weights = op.params.weights
    needs = np.asarray(weights.reshape(len(weights), -1, weights.shape[-1]).any(axis=1))
    is_constant = (x.lo == x.hi).reshape(-1, weights.shape[-1]).all(axis=0)
    if op.params.accumulator is Accumulator.INT64:
        # What other codes add need not fit the bias, which is int32.
        is_constant &= (x.lo == op.params.x_zero_point).reshape(-1, weights.shape[-1]).all(axis=0)
    for channel in np.nonzero(is_constant)[0]:
        part = slice(channel, channel + 1)
        needs[:, channel] &= ~_is_uniform(_part_sums(op, x, weights, part))
    target, source = np.nonzero(needs)
    return Link(source, target, is_mutual=False)


def _part_sums(op: WeightedStep, x: Bounds, weights: Array, part: slice | Array) -> Array:
    """What some input channels add at their smallest codes, `[positions, M]`."""
    codes = op.params.centre(x.lo[None][..., part])
    return op.sums(codes, weights[..., part]).reshape(-1, len(weights))


def _is_uniform(sums: Array) -> Array:
    """Which output channels get the same at every position."""
    uniform: Array = (sums == sums[0]).all(axis=0)
    return uniform


def select_dense(op: WeightedStep, inputs: Array, output: Array, x: Bounds) -> WeightedParams:
    """The parameters of a dense step without the channels that go; what these add is in the bias."""
    rows = select_rows(op.params, output)
    if inputs.all():
        return rows
    added = _part_sums(op, x, rows.weights, ~inputs)
    assert _is_uniform(added).all(), "a dropped channel adds the same everywhere"
    bias = rows.bias + added[0].astype(np.int64)
    return _with(rows, rows.weights[..., inputs], bias, rows.requant)


def select_rows(params: WeightedParams, output: Array) -> WeightedParams:
    """The parameters of some output channels."""
    scale = params.requant
    chosen = np.nonzero(output)[0]
    pick = Requant(_pick(scale.multiplier, chosen), _pick(scale.shift, chosen), scale.rounding)
    return _with(params, params.weights[output], params.bias[output], pick)


def _pick(values: Sequence[int], chosen: Array) -> tuple[int, ...]:
    return tuple(values[index] for index in chosen)


def _with(params: WeightedParams, weights: Array, bias: Array, requant: Requant) -> WeightedParams:
    # The bias is one of the partial sums that lowering proved to fit.
    assert np.abs(bias.astype(np.int64)).max() <= INT32_MAX
    found = freeze(weights), freeze(bias, "int32")
    return dataclasses.replace(params, weights=found[0], bias=found[1], requant=requant)

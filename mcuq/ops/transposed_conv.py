"""Transposed convolution: every input value adds a window of weights to the output; NHWC."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.integer import Rounding
from mcuq.ir.op import Clamp, NodeView, Operand, RangeRule, ShapeError, SizeError
from mcuq.ir.roles import WeightedInputs
from mcuq.ir.types import MAX_TENSOR_ELEMS, Array, Float64, Shape, elem_count, require
from mcuq.ops.conv import GroupedConv
from mcuq.ops.exact import exact_matmul
from mcuq.ops.weighted import WeightedParams, lower_weighted
from mcuq.ops.weighted_step import GroupedStep
from mcuq.ops.window import MAX_TAPS, MAX_WINDOW


@dataclasses.dataclass(frozen=True, slots=True)
class Stamp:
    """Where the window that an input value is multiplied with lies in the output.

    Input row h and tap i meet in output row `h * stride + i * dilation - pad`; columns alike.

    Args:
        kernel: taps (kh, kw).
        strides: distances between the windows of neighbours (h, w).
        pads: rows and columns of the sums that are left out (top, left, bottom, right).
        dilations: distances between taps (h, w).
        extra: rows and columns behind the last window (h, w), before `pads` are left out.
    """

    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: tuple[int, int] = (1, 1)
    extra: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        """Check that windows move forward."""
        positive = min(*self.kernel, *self.strides, *self.dilations)
        require(positive >= 1 and min(self.pads) >= 0, "windows that move forward")
        apart = [max(pair) for pair in zip(self.strides, self.dilations, strict=True)]
        fits = all(0 <= size < limit for size, limit in zip(self.extra, apart, strict=True))
        require(fits, "less extra rows and columns than a stride or dilation")

    def full_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of all sums, without `extra`."""
        (kh, kw), (sh, sw), (dh, dw) = self.kernel, self.strides, self.dilations
        return (height - 1) * sh + (kh - 1) * dh + 1, (width - 1) * sw + (kw - 1) * dw + 1

    def output_shape(self, x: Shape, channels: int) -> Shape:
        """`[N, OH, OW, channels]`.

        Args:
            x: `[N, H, W, C]`.
            channels: of the output.

        Raises:
            ShapeError: where nothing is left.
            SizeError: where it asks for more than a computer should give.
        """
        if len(x) != 4:
            raise ShapeError(f"input must have 4 axes, found {x}")
        largest = max(*self.kernel, *self.strides, *self.pads, *self.dilations)
        if largest > MAX_WINDOW:
            raise ShapeError(f"the window has a size of {largest:_}, the limit is {MAX_WINDOW:_}")
        if elem_count(self.kernel) > MAX_TAPS:
            raise SizeError(f"the window {self.kernel} has more than {MAX_TAPS:_} taps")
        full = (x[0], *self.full_size(x[1], x[2]), channels)
        if elem_count(full) > MAX_TENSOR_ELEMS:
            raise SizeError(f"the sums {full} have more than {MAX_TENSOR_ELEMS:_} elements")
        top, left, bottom, right = self.pads
        oh, ow = full[1] + self.extra[0] - top - bottom, full[2] + self.extra[1] - left - right
        if min(oh, ow) < 1:
            raise ShapeError(f"pads {self.pads} leave nothing of {full[1]} x {full[2]} sums")
        return (x[0], oh, ow, channels)

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the input of an output."""
        (kh, kw), (sh, sw), (dh, dw) = self.kernel, self.strides, self.dilations
        top, left, bottom, right = self.pads
        rows = (height + top + bottom - self.extra[0] - (kh - 1) * dh - 1) // sh + 1
        return rows, (width + left + right - self.extra[1] - (kw - 1) * dw - 1) // sw + 1

    def sources(self, at: Array, size: int, axis: int) -> tuple[Array, Array]:
        """The input index that each tap of some output indices meets along an axis, and whether there is one.

        Args:
            at: output indices, `[p]`.
            size: of the input.
            axis: 0 for rows, 1 for columns.

        Returns:
            `[p, taps]`, an index of the input and bool.
        """
        steps = np.arange(self.kernel[axis]) * self.dilations[axis]
        place = at[:, None] + self.pads[axis] - steps
        index = place // self.strides[axis]
        is_there = (place % self.strides[axis] == 0) & (index >= 0) & (index < size)
        return np.where(is_there, index, 0), is_there

    def cut(self, sums: Array) -> Array:
        """Full sums `[n, FH, FW, M]` without pads and with zeros in the extra rows and columns."""
        top, left, bottom, right = self.pads
        if any(self.extra):
            sums = np.pad(sums, ((0, 0), (0, self.extra[0]), (0, self.extra[1]), (0, 0)))
        return sums[:, top : sums.shape[1] - bottom, left : sums.shape[2] - right]


@dataclasses.dataclass(frozen=True, slots=True)
class TransposedConv2d(GroupedConv):
    """y = clamp(b + every x times its window of w, summed up).

    Inputs x `[N, H, W, C]`, w `[M, KH, KW, C / groups]`, b `[M]`.
    """

    stamp: Stamp
    groups: int = 1
    clamp: Clamp = Clamp()

    kind: ClassVar[str] = "transposed_conv2d"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (3, 3)
    constant_inputs: ClassVar[frozenset[int]] = frozenset({1, 2})
    weighted: ClassVar[tuple[WeightedInputs, ...]] = (WeightedInputs(0, 1, 2),)

    @property
    def geometry(self) -> Stamp:
        return self.stamp

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        """One per position of the input and weight."""
        return elem_count(shapes[0][:3]) * elem_count(shapes[1])

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> TransposedConvStep:
        """A step of its own."""
        x, w, b = inputs
        return TransposedConvStep(
            lower_weighted(x, w, b, output, self.clamp, rounding), self.stamp, self.groups
        )

    @property
    def is_padded(self) -> bool:
        """Always: outputs are sums of different numbers of taps."""
        return True

    def positions(self, x: Shape) -> int:
        return elem_count(self.stamp.output_shape(x, 1))

    def read_rows(self, x: Array, chosen: Array) -> Array:
        """For every tap the value that it meets, zero where it meets none."""
        _, oh, ow, _ = self.stamp.output_shape(x.shape[1:], 1)
        batch, row, column = chosen // (oh * ow), chosen // ow % oh, chosen % ow
        rows, has_row = self.stamp.sources(row, x.shape[2], 0)
        columns, has_column = self.stamp.sources(column, x.shape[3], 1)
        taps = x[:, batch[:, None, None], rows[:, :, None], columns[:, None, :]]
        taps = taps * (has_row[:, :, None] & has_column[:, None, :])[..., None].astype(x.dtype)
        return self._by_group(taps.reshape(*taps.shape[:2], -1, x.shape[4]))

    def _sum_moments(self, w: Array, b: Array, mean: Float64, variance: Float64) -> tuple[Float64, Float64]:
        # Of all taps an output meets one in every stride squared.
        share = 1 / elem_count(self.stamp.strides)
        return GroupedConv._sum_moments(self, w, b, mean * share, variance * share)

    def input_importance(self, y: Float64, view: NodeView) -> tuple[Float64, ...]:
        """As of other layers, but every weight meets each input value once."""
        (value,) = GroupedConv.input_importance(self, y, view)
        return (value * elem_count(view.shapes[0][:3]) / elem_count(view.output[:3]),)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class TransposedConvStep(GroupedStep):
    """Transposed convolution, dense or grouped; weights int8 `[M, KH, KW, C / groups]`.

    `y = clamp(rq(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)` over the pairs of an input value
    and a tap that meet in the output: `row * stride + i * dilation - pad`.
    Source: docs/numerics.md, R5 and the table of operators.
    """

    params: WeightedParams
    stamp: Stamp
    groups: int

    kind: ClassVar[str] = "transposed_conv2d"

    @property
    def geometry(self) -> Stamp:
        return self.stamp

    def macs(self, output: Shape) -> int:
        """One per position of the input and weight."""
        return output[0] * elem_count(self.stamp.input_size(*output[1:3])) * self.params.weights.size

    def sums(self, x: Array, weights: Array) -> Array:
        """X `[samples, N, H, W, C]` and weights `[M, KH, KW, C / groups]` to `[samples, N, OH, OW, M]`."""
        image = x.reshape(-1, *x.shape[2:])
        n, h, w, _ = image.shape
        groups = image.shape[3] // weights.shape[3]
        rows = np.ascontiguousarray(image.reshape(n * h * w, groups, -1).transpose(1, 0, 2))
        matrices = weights.reshape(groups, -1, *weights.shape[1:]).transpose(0, 2, 3, 4, 1)
        full = np.zeros((n, *self.stamp.full_size(h, w), len(weights)), x.dtype)
        (sh, sw), (dh, dw) = self.stamp.strides, self.stamp.dilations
        for i, j in np.ndindex(*self.stamp.kernel):
            products = exact_matmul(rows, matrices[:, i, j].astype(x.dtype))
            added = products.transpose(1, 0, 2).reshape(n, h, w, len(weights))
            top, left = i * dh, j * dw
            full[:, top : top + (h - 1) * sh + 1 : sh, left : left + (w - 1) * sw + 1 : sw] += added
        acc = self.stamp.cut(full)
        return acc.reshape(*x.shape[:2], *acc.shape[1:])

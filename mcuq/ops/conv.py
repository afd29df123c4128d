"""Convolution: dense, grouped and depthwise, NHWC."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.channels import Bounds, Link
from mcuq.ir.columns import Along, NotAlong
from mcuq.ir.integer import Rounding
from mcuq.ir.op import Clamp, Op, Operand, RangeRule, ShapeError
from mcuq.ir.roles import WeightedInputs
from mcuq.ir.traits import WeightedOp, changed
from mcuq.ir.types import CODE_TYPES, Array, DType, Float64, Shape, elem_count, require
from mcuq.ops.exact import exact_matmul
from mcuq.ops.weighted import WeightedParams, lower_weighted
from mcuq.ops.weighted_step import GroupedStep, WeightedStep, select_rows
from mcuq.ops.window import Geometry, Window, window_along

# Patches hold every value once per tap: more of them than this, 64 MB, are made block by block.
MAX_PATCH_ELEMS = 1 << 24


class GroupedConv(WeightedOp):
    """Convolutions of images: weights `[M, KH, KW, C / groups]`, filter m reads the channels of its group."""

    groups: int

    @property
    @abc.abstractmethod
    def geometry(self) -> Geometry:
        """Where taps lie in an image."""

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, OH, OW, M]`."""
        x, w, b = shapes
        if len(x) != 4 or len(w) != 4:
            raise ShapeError(f"input and weights must have 4 axes, found {x} and {w}")
        if w[1:3] != self.geometry.kernel or b != (w[0],):
            raise ShapeError(f"weights {w} and bias {b} do not fit kernel {self.geometry.kernel}")
        if w[3] * self.groups != x[3] or w[0] % self.groups:
            raise ShapeError(f"{x[3]} channels, weights {w} and {self.groups} groups do not fit")
        return self.geometry.output_shape(x, w[0])

    @property
    def group_count(self) -> int:
        return self.groups

    def absorb_input(
        self, weights: Float64, bias: Array, scale: Float64, shift: Float64
    ) -> tuple[Float64, Float64]:
        """Filter m sees the channels of its group."""
        scale, shift = (self._per_filter(values, len(weights)) for values in (scale, shift))
        return weights * scale, bias + np.sum(weights * shift, axis=(1, 2, 3))

    def _per_filter(self, values: Float64, filters: int) -> Float64:
        """One value per input channel as `[M, 1, 1, C / groups]`."""
        groups = self.groups
        per_group = np.broadcast_to(
            values.reshape(groups, 1, 1, 1, -1), (groups, filters // groups, 1, 1, values.size // groups)
        )
        return per_group.reshape(filters, 1, 1, -1)

    def _by_group(self, taps: Array) -> Array:
        """Taps `[n, p, taps, C]` of p positions as `[G, n * p, taps * C / G]`."""
        n, count, size, channels = taps.shape
        grouped = taps.reshape(n * count, size, self.groups, channels // self.groups)
        return np.ascontiguousarray(grouped.transpose(2, 0, 1, 3)).reshape(self.groups, n * count, -1)

    def _sum_moments(self, w: Array, b: Array, mean: Float64, variance: Float64) -> tuple[Float64, Float64]:
        w = w.reshape(len(w), -1, w.shape[3])
        group = np.arange(len(w)) // (len(w) // self.groups)
        columns = group[:, None] * w.shape[2] + np.arange(w.shape[2])
        mean, variance = mean[columns][:, None], variance[columns][:, None]
        return np.asarray((w * mean).sum(axis=(1, 2)) + b), np.sqrt((w * w * variance).sum(axis=(1, 2)))


@dataclasses.dataclass(frozen=True, slots=True)
class Conv2d(GroupedConv):
    """y = clamp(b + sum x * w); inputs x `[N, H, W, C]`, w `[M, KH, KW, C / groups]`, b `[M]`.

    Depthwise is `groups == C`.
    """

    window: Window
    groups: int = 1
    clamp: Clamp = Clamp()

    kind: ClassVar[str] = "conv2d"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (3, 3)
    constant_inputs: ClassVar[frozenset[int]] = frozenset({1, 2})
    weighted: ClassVar[tuple[WeightedInputs, ...]] = (WeightedInputs(0, 1, 2),)
    takes: ClassVar[tuple[DType, ...]] = CODE_TYPES
    converts: ClassVar[bool] = True
    carries_wide: ClassVar[bool] = True

    @property
    def geometry(self) -> Window:
        return self.window

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        """One per output and tap of a filter."""
        return elem_count(output) * elem_count(shapes[1][1:])

    def lower(
        self, inputs: Sequence[Operand], output: Operand, rounding: Rounding
    ) -> ConvStep | DepthwiseStep:
        """A depthwise step where every channel has a filter of its own, else a convolution step."""
        x, w, b = inputs
        params = lower_weighted(x, w, b, output, self.clamp, rounding)
        if self.groups == x.shape[3] > 1:
            return DepthwiseStep(params, self.window)
        return ConvStep(params, self.window, self.groups)

    @property
    def is_padded(self) -> bool:
        """Whether its windows reach beyond the image."""
        return any(self.window.pads)

    def absorb_pad(self, pads: tuple[tuple[int, int], ...], value: float, least: float) -> Op | str | None:
        """A border of zeros along H and W."""
        why = self.window.pad_obstacle(pads)
        if why is None and value != 0:
            why = f"the border is {value:g}, not 0"
        return why or changed(self, window=self.window.padded(pads))

    def positions(self, x: Shape) -> int:
        oh, ow = self.window.output_size(*x[1:3])
        return x[0] * oh * ow

    def read_rows(self, x: Array, chosen: Array) -> Array:
        """The taps of some windows, channels last."""
        top, left, bottom, right = self.window.pads
        oh, ow = self.window.output_size(*x.shape[2:4])
        image = x.reshape(-1, *x.shape[2:])
        image = np.pad(image, ((0, 0), (top, bottom), (left, right), (0, 0)))
        batch, row, column = chosen // (oh * ow), chosen // ow % oh, chosen % ow
        picks = []
        for _, tap in self.window.taps(image):
            per_image = tap.reshape(len(x), -1, *tap.shape[1:])
            picks.append(per_image[:, batch, row, column])
        return self._by_group(np.stack(picks, axis=2))


def _pad_image(x: Array, window: Window) -> Array:
    """A border of zeros: a centred input's padding adds nothing."""
    top, left, bottom, right = window.pads
    if not any(window.pads):
        return x
    return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ConvStep(GroupedStep):
    """Convolution, dense or grouped; weights int8 `[M, KH, KW, C / groups]`.

    `y = clamp(rq(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)`; taps outside the image add 0.
    Source: docs/numerics.md, R5 and the table of operators.
    """

    params: WeightedParams
    window: Window
    groups: int

    kind: ClassVar[str] = "conv2d"

    @property
    def geometry(self) -> Window:
        return self.window

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        return window_along(self, self.window, axis, self.params.x_zero_point)

    def sums(self, x: Array, weights: Array) -> Array:
        """X `[samples, N, H, W, C]` and weights `[M, KH, KW, C / groups]` to `[samples, N, OH, OW, M]`."""
        image = _pad_image(x.reshape(-1, *x.shape[2:]), self.window)
        parts = np.split(image, self.groups, axis=3) if self.groups > 1 else [image]
        filters = np.split(weights, self.groups)
        acc = np.concatenate([self._sum(p, w) for p, w in zip(parts, filters, strict=True)], axis=-1)
        return acc.reshape(*x.shape[:2], *acc.shape[1:])

    def _sum(self, image: Array, weights: Array) -> Array:
        """Sums of products of one group, `[n, OH, OW, M / groups]`, exact in the image's float type."""
        matrix = weights.transpose(1, 2, 3, 0).reshape(-1, len(weights)).astype(image.dtype)
        unpadded = Window(self.window.kernel, self.window.strides, dilations=self.window.dilations)
        size = (len(image), *unpadded.output_size(*image.shape[1:3]))
        if elem_count(size) * len(matrix) <= MAX_PATCH_ELEMS:
            patches = self.window.patches(image)
            return exact_matmul(patches.reshape(*patches.shape[:3], -1), matrix)
        acc: Array = np.empty((*size, len(weights)), image.dtype)
        for place, block in self.window.blocks(image, MAX_PATCH_ELEMS):
            acc[place] = exact_matmul(block, matrix)
        return acc


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class DepthwiseStep(WeightedStep):
    """Depthwise convolution; weights int8 `[M, KH, KW, 1]`, output channel m reads input `m // (M / C)`.

    Source: as `ConvStep`.
    """

    params: WeightedParams
    window: Window

    kind: ClassVar[str] = "depthwise_conv2d"

    def __post_init__(self) -> None:
        """Check that the weights fill the window."""
        require(self.params.weights.ndim == 4, "weights of 4 axes")
        require(self.params.weights.shape[1:3] == self.window.kernel, "weights of the window's size")

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, OH, OW, M]`."""
        (x,) = shapes
        weights = self.params.weights
        if len(x) != 4 or weights.shape[3] != 1 or len(weights) % x[3]:
            raise ShapeError(f"input {x} and depthwise weights {weights.shape} do not fit")
        return self.window.output_shape(x, len(weights))

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        if axis == 3:
            return NotAlong(
                "each column of the window has a weight of its own",
                "a stream has no first column: let the weight be the same for all of them",
            )
        return window_along(self, self.window, axis, self.params.x_zero_point)

    def sums(self, x: Array, weights: Array) -> Array:
        """X `[samples, N, H, W, C]` and weights `[M, KH, KW, 1]` to `[samples, N, OH, OW, M]`."""
        image = _pad_image(x.reshape(-1, *x.shape[2:]), self.window)
        if len(weights) != x.shape[4]:
            image = np.repeat(image, len(weights) // x.shape[4], axis=3)
        # Taps that a stride leaves apart are put together: of a few images at a time where that is much.
        together = max(1, MAX_PATCH_ELEMS // (self.window.kernel[1] * elem_count(image.shape[1:])))
        parts = [
            self._sum(image[first : first + together], weights) for first in range(0, len(image), together)
        ]
        acc = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return acc.reshape(*x.shape[:2], *acc.shape[1:])

    def _sum(self, image: Array, weights: Array) -> Array:
        """Sums of products `[n, OH, OW, M]` of images with their padding, exact in their float type."""
        rows = self.window.row_taps(image)
        columns = rows.shape[4] // len(weights)
        by_tap = weights[..., 0].transpose(1, 2, 0).astype(image.dtype)
        # In one pass along whole rows: NumPy is slow along short axes, and with a pass per tap.
        acc: Array = np.einsum("nhijr,ijr->nhr", rows, np.tile(by_tap, (1, 1, columns)))
        return acc.reshape(*acc.shape[:2], columns, len(weights))

    def links(self, *inputs: Bounds) -> tuple[Link, ...]:
        """An input channel and the outputs that read it stay or go together."""
        target = np.arange(len(self.params.weights))
        return (Link(target // (len(target) // inputs[0].lo.shape[3]), target),)

    def select(self, inputs: Sequence[Array], output: Array, bounds: Sequence[Bounds]) -> DepthwiseStep:
        return dataclasses.replace(self, params=select_rows(self.params, output))

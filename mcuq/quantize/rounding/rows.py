"""A weighted layer as matrix products: which input values each output is the sum of."""

from __future__ import annotations

import dataclasses
from typing import TypeAlias

import numpy as np

from mcuq.ir.types import Array, Shape, elem_count
from mcuq.ops.conv import Conv2d
from mcuq.ops.linear import Linear

WeightedOp: TypeAlias = Conv2d | Linear


def to_matrix(op: WeightedOp, weights: Array) -> Array:
    """Weights `[M, ...]`, output channel first, as `[G, K, m]`: G groups, K inputs each, m outputs each."""
    groups = op.groups if isinstance(op, Conv2d) else 1
    grouped = weights.reshape(groups, len(weights) // groups, -1)
    return np.ascontiguousarray(grouped.transpose(0, 2, 1))


def from_matrix(matrix: Array, shape: Shape) -> Array:
    """The inverse of `to_matrix`: `[G, K, m]` to weights of a shape."""
    return np.ascontiguousarray(matrix.transpose(0, 2, 1)).reshape(shape)


def per_output(matrix: Array) -> Array:
    """Values per group and output `[G, m]` as one per output channel, `[M]`."""
    return matrix.reshape(-1)


@dataclasses.dataclass(frozen=True, slots=True)
class RowReader:
    """Takes the inputs of some outputs of a layer out of its input tensor, the same ones of every sample.

    Args:
        op: the layer's operator.
        shape: its input's shape, batch axis included.
        per_sample: how many output positions are read; evenly spread, all of them at most.
    """

    op: WeightedOp
    shape: Shape
    per_sample: int

    @classmethod
    def at_most(cls, op: WeightedOp, shape: Shape, samples: int, rows: int) -> RowReader:
        """A reader that gives at most `rows` rows of that many samples, but one per sample at least."""
        return cls(op, shape, min(positions(op, shape), max(1, rows // max(samples, 1))))

    def read(self, x: Array) -> Array:
        """Rows of samples.

        Args:
            x: `[n, *shape]` of any type, zero where padding would be.

        Returns:
            `[G, n * per_sample, K]`, K in the order of the weights.
        """
        total = positions(self.op, self.shape)
        # The middles of equal parts: all positions in order where every one is taken.
        chosen = (2 * np.arange(self.per_sample) + 1) * total // (2 * self.per_sample)
        if isinstance(self.op, Linear):
            rows = x.reshape(len(x), total, -1)[:, chosen]
            return rows.reshape(1, -1, rows.shape[-1])
        return self._read_window(self.op, x, chosen)

    def _read_window(self, op: Conv2d, x: Array, chosen: Array) -> Array:
        top, left, bottom, right = op.window.pads
        image = x.reshape(-1, *x.shape[2:])
        image = np.pad(image, ((0, 0), (top, bottom), (left, right), (0, 0)))
        oh, ow = op.window.output_size(*self.shape[1:3])
        batch, row, column = chosen // (oh * ow), chosen // ow % oh, chosen % ow
        picks = []
        for _, tap in op.window.taps(image):
            per_image = tap.reshape(len(x), -1, *tap.shape[1:])
            picks.append(per_image[:, batch, row, column])
        stacked = np.stack(picks, axis=2)  # [n, per_sample, taps, C]
        n, count, taps, channels = stacked.shape
        grouped = stacked.reshape(n * count, taps, op.groups, channels // op.groups)
        return np.ascontiguousarray(grouped.transpose(2, 0, 1, 3)).reshape(op.groups, n * count, -1)


def positions(op: WeightedOp, shape: Shape) -> int:
    """Output positions of one sample: how often every weight is used."""
    if isinstance(op, Linear):
        return elem_count(shape[:-1])
    oh, ow = op.window.output_size(*shape[1:3])
    return shape[0] * oh * ow

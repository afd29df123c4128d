"""A weighted layer as matrix products: which input values each output is the sum of."""

from __future__ import annotations

import dataclasses

import numpy as np

from mcuq.ir.traits import WeightedOp
from mcuq.ir.types import Array, Shape


def to_matrix(op: WeightedOp, weights: Array) -> Array:
    """Weights `[M, ...]`, output channel first, as `[G, K, m]`: G groups, K inputs each, m outputs each."""
    groups = op.group_count
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
        return cls(op, shape, min(op.positions(shape), max(1, rows // max(samples, 1))))

    def read(self, x: Array) -> Array:
        """Rows of samples.

        Args:
            x: `[n, *shape]` of any type, zero where padding would be.

        Returns:
            `[G, n * per_sample, K]`, K in the order of the weights.
        """
        total = self.op.positions(self.shape)
        # The middles of equal parts: all positions in order where every one is taken.
        chosen = (2 * np.arange(self.per_sample) + 1) * total // (2 * self.per_sample)
        return self.op.read_rows(x, chosen)

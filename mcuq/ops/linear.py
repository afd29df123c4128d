"""Fully connected layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from mcuq.ir.channels import Bounds, Link
from mcuq.ir.columns import Along, WholeTime
from mcuq.ir.integer import Rounding
from mcuq.ir.layout import Perm
from mcuq.ir.op import Clamp, Op, Operand, RangeRule, ShapeError
from mcuq.ir.roles import WeightedInputs
from mcuq.ir.traits import WeightedOp, keeps_last
from mcuq.ir.types import CODE_TYPES, Array, DType, Float64, Shape, elem_count, require
from mcuq.ops.channels import columnwise
from mcuq.ops.exact import exact_matmul
from mcuq.ops.weighted import WeightedParams, lower_weighted
from mcuq.ops.weighted_step import WeightedStep, dense_link, select_dense


@dataclasses.dataclass(frozen=True, slots=True)
class Linear(WeightedOp):
    """y = clamp(x w^T + b); inputs x `[..., K]`, w `[M, K]`, b `[M]`."""

    clamp: Clamp = Clamp()

    kind: ClassVar[str] = "linear"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (3, 3)
    constant_inputs: ClassVar[frozenset[int]] = frozenset({1, 2})
    weighted: ClassVar[tuple[WeightedInputs, ...]] = (WeightedInputs(0, 1, 2),)
    takes: ClassVar[tuple[DType, ...]] = CODE_TYPES
    converts: ClassVar[bool] = True
    carries_wide: ClassVar[bool] = True
    is_fully_connected: ClassVar[bool] = True

    def infer(self, *shapes: Shape) -> Shape:
        """`[..., M]`."""
        x, w, b = shapes
        if not x or len(w) != 2 or x[-1] != w[1] or b != (w[0],):
            raise ShapeError(f"input {x}, weights {w} and bias {b} do not fit")
        return (*x[:-1], w[0])

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        """One per output and input."""
        return elem_count(output) * elem_count(shapes[1][1:])

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> LinearStep:
        """A fully connected step."""
        x, w, b = inputs
        return LinearStep(lower_weighted(x, w, b, output, self.clamp, rounding))

    def commute_with_transpose(self, perm: Perm) -> Op | None:
        """Unchanged where the columns stay last."""
        return self if keeps_last(perm) else None

    def absorb_input(
        self, weights: Float64, bias: Array, scale: Float64, shift: Float64
    ) -> tuple[Float64, Float64]:
        return weights * scale, bias + weights @ shift

    def positions(self, x: Shape) -> int:
        return elem_count(x[:-1])

    def read_rows(self, x: Array, chosen: Array) -> Array:
        """Some rows of every sample."""
        rows = x.reshape(len(x), elem_count(x.shape[1:-1]), -1)[:, chosen]
        return rows.reshape(1, -1, rows.shape[-1])


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class LinearStep(WeightedStep):
    """Fully connected; weights int8 `[M, K]`.

    `y = clamp(rq(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)`.
    Source: docs/numerics.md, R5 and the table of operators.
    """

    params: WeightedParams

    kind: ClassVar[str] = "linear"

    def __post_init__(self) -> None:
        """Check the weights' axes."""
        require(self.params.weights.ndim == 2, "weights of 2 axes")

    def infer(self, *shapes: Shape) -> Shape:
        """`[..., M]`."""
        (x,) = shapes
        if not x or x[-1] != self.params.weights.shape[1]:
            raise ShapeError(f"input {x} and weights {self.params.weights.shape} do not fit")
        return (*x[:-1], len(self.params.weights))

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        return columnwise(self, axis) if axis < len(shapes[0]) - 1 else WholeTime()

    def sums(self, x: Array, weights: Array) -> Array:
        """X `[samples, ..., K]` and weights `[M, K]` to `[samples, ..., M]`."""
        return exact_matmul(x, weights.T.astype(x.dtype))

    def links(self, *inputs: Bounds) -> tuple[Link, ...]:
        return (dense_link(self, inputs[0]),)

    def select(self, inputs: Sequence[Array], output: Array, bounds: Sequence[Bounds]) -> LinearStep:
        """Fewer rows and columns."""
        return dataclasses.replace(self, params=select_dense(self, inputs[0], output, bounds[0]))

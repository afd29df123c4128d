"""The largest values along the last axis, and where they stand."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.columns import Along
from mcuq.ir.integer import Rounding
from mcuq.ir.op import Op, Operand, RangeRule, ShapeError
from mcuq.ir.program import CodeRange, SeveralOutputsStep, require_inside, require_types
from mcuq.ir.types import Array, DType, QuantParams, Shape, require, require_limits
from mcuq.ops.channels import row_along


def _infer(x: Shape, k: int) -> tuple[Shape, Shape]:
    if not x or not 1 <= k <= x[-1]:
        raise ShapeError(f"{x} has no {k} values along its last axis")
    return (*x[:-1], k), (*x[:-1], k)


@dataclasses.dataclass(frozen=True, slots=True)
class TopK(Op):
    """The `k` largest values along the last axis, the largest first, and their indices."""

    k: int

    kind: ClassVar[str] = "topk"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape with a last axis of `k`."""
        return self.infer_outputs(*shapes)[0]

    def infer_outputs(self, *shapes: Shape) -> tuple[Shape, ...]:
        """The same shape for values and indices."""
        return _infer(shapes[0], self.k)

    def rules(self) -> tuple[RangeRule, ...]:
        """Values keep the input's parameters, indices are as they are."""
        return RangeRule.SHARED, RangeRule.FIXED

    def fixed_params(self) -> QuantParams:
        """Indices are int32 as they are."""
        return QuantParams((1.0,), 0, DType.INT32)

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> TopKStep:
        """A comparison of codes."""
        return TopKStep(self.k, inputs[0].lo, inputs[0].hi)


@dataclasses.dataclass(frozen=True, slots=True)
class TopKStep(SeveralOutputsStep):
    """The `k` largest codes along the last axis, the largest first, and their int32 indices.

    Of equal codes the first one comes first. Source: docs/numerics.md, the table of operators.

    Args:
        k: how many.
        lo: smallest code of the input.
        hi: largest code.
    """

    k: int
    lo: int
    hi: int

    kind: ClassVar[str] = "topk"

    def __post_init__(self) -> None:
        require(self.k >= 1, "at least one value")
        require_limits(self.lo, self.hi)

    def check(self, *ranges: CodeRange) -> None:
        """The limits are the input's."""
        require_inside(ranges, self.lo, self.hi)

    def infer_outputs(self, *shapes: Shape) -> tuple[Shape, ...]:
        """The input's shape with a last axis of `k`, twice."""
        return _infer(shapes[0], self.k)

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        return row_along(self, axis, shapes[0])

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """int8 codes and int32 indices."""
        require_types(self.kind, types, DType.INT8)
        return DType.INT8, DType.INT32

    def code_ranges(self) -> tuple[CodeRange, ...]:
        """The input's; the shape, which bounds indices, is not known here."""
        return (self.lo, self.hi), (DType.INT32.qmin, DType.INT32.qmax)

    def run_outputs(self, *xs: Array) -> tuple[Array, ...]:
        """X `[samples, ..., K]` to its codes and indices `[samples, ..., k]`."""
        order = np.argsort(-xs[0].astype(np.int32), axis=-1, kind="stable")[..., : self.k]
        return np.take_along_axis(xs[0], order, axis=-1), order.astype(np.int32)

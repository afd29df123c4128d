"""The index of the largest value along the last axis."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.columns import Along
from mcuq.ir.integer import Rounding
from mcuq.ir.op import Op, Operand, RangeRule, ShapeError
from mcuq.ir.program import StepOp, require_types
from mcuq.ir.types import OPTIONAL, Array, DType, QuantParams, Shape
from mcuq.ops.channels import row_along


def _infer(x: Shape) -> Shape:
    if not x:
        raise ShapeError("a scalar has no largest element")
    return (*x[:-1], 1)


@dataclasses.dataclass(frozen=True, slots=True)
class ArgMax(Op):
    """y = index of the first largest value along the last axis, which stays with size 1.

    Args:
        is_last: whether it is that of the last of equal values instead.
    """

    is_last: bool = False

    kind: ClassVar[str] = "argmax"
    range_rule: ClassVar[RangeRule] = RangeRule.FIXED
    is_judged_by_input: ClassVar[bool] = True  # an index says nothing about how near another one is
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape with a last axis of 1."""
        return _infer(shapes[0])

    def fixed_params(self) -> QuantParams:
        """Indices are int32 as they are."""
        return QuantParams((1.0,), 0, DType.INT32)

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> ArgMaxStep:
        """A comparison of codes."""
        return ArgMaxStep(self.is_last)


@dataclasses.dataclass(frozen=True, slots=True)
class ArgMaxStep(StepOp):
    """int32 index of the first largest code along the last axis.

    Args:
        is_last: whether it is that of the last of equal codes instead.
    """

    is_last: bool = dataclasses.field(default=False, metadata={OPTIONAL: True})

    kind: ClassVar[str] = "argmax"

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape with a last axis of 1."""
        return _infer(shapes[0])

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        require_types(self.kind, types, DType.INT8)
        return (DType.INT32,)

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        return row_along(self, axis, shapes[0])

    def code_range(self) -> tuple[int, int]:
        """Any int32: the shape, which bounds them, is not known here."""
        return DType.INT32.qmin, DType.INT32.qmax

    def run(self, *xs: Array) -> Array:
        """X `[samples, ..., K]` to int32 `[samples, ..., 1]`."""
        x = xs[0][..., ::-1] if self.is_last else xs[0]
        y: Array = x.argmax(axis=-1)[..., None].astype(np.int32)
        return x.shape[-1] - 1 - y if self.is_last else y

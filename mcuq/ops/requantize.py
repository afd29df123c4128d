"""Requantization between int8 and int16, and of int16: computed, where int8 alone takes a table."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from mcuq.ir.integer import INT32_MAX, Requant
from mcuq.ir.program import require_types
from mcuq.ir.types import CODE_TYPES, Array, DType, Shape, require, require_codes
from mcuq.ops.channels import ElementwiseStep
from mcuq.ops.weighted import finish


@dataclasses.dataclass(frozen=True, slots=True)
class RequantizeStep(ElementwiseStep):
    """`y = clamp(rq(x - zx) + zy)`, of which one is int16 at least.

    Source: docs/numerics.md, the table of operators.
    """

    x_zero_point: int
    y_zero_point: int
    requant: Requant
    x_type: DType
    y_type: DType

    kind: ClassVar[str] = "requantize"

    def __post_init__(self) -> None:
        """Check codes, and that the largest difference stays in int32 when it is shifted left."""
        types = (self.x_type, self.y_type)
        require(all(dtype in CODE_TYPES for dtype in types) and DType.INT16 in types, "int16 on one side")
        require_codes(self.x_zero_point, dtype=self.x_type)
        require_codes(self.y_zero_point, dtype=self.y_type)
        require(len(self.requant.shift) == 1, "one scale per tensor")
        largest = max(self.x_type.qmax - self.x_zero_point, self.x_zero_point - self.x_type.qmin)
        room = INT32_MAX - self.y_type.qmax + self.y_type.qmin
        require(largest << self.requant.max_left_shift <= room, "a left shift that keeps codes in int32")

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        require_types(self.kind, types, self.x_type)
        return (self.y_type,)

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        return shapes[0]

    def code_range(self) -> tuple[int, int]:
        """All codes of the output's type."""
        return self.y_type.qmin, self.y_type.qmax

    def run(self, *xs: Array) -> Array:
        """X `[samples, ...]` to y of the same shape."""
        centred = xs[0].astype(np.int64) - self.x_zero_point
        limits = self.code_range()
        return finish(centred, self.requant, self.y_zero_point, *limits, self.y_type)

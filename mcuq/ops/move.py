"""Operators that move values without changing them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.integer import Rounding
from mcuq.ir.op import Op, Operand, RangeRule, ShapeError, quantize_value
from mcuq.ir.program import StepOp
from mcuq.ir.types import Array, Shape, elem_count


@dataclasses.dataclass(frozen=True, slots=True)
class Reshape(Op):
    """The same values in the same order under another shape; costs nothing on the device."""

    shape: Shape

    kind: ClassVar[str] = "reshape"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """`shape`."""
        if elem_count(shapes[0]) != elem_count(self.shape):
            raise ShapeError(f"{shapes[0]} has {elem_count(shapes[0])} elements, {self.shape} another number")
        return self.shape


@dataclasses.dataclass(frozen=True, slots=True)
class Transpose(Op):
    """Axes in another order: output axis i is input axis `perm[i]`."""

    perm: tuple[int, ...]

    kind: ClassVar[str] = "transpose"
    range_rule: ClassVar[RangeRule] = RangeRule.FLOAT_ONLY
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """The permuted shape."""
        if sorted(self.perm) != list(range(len(shapes[0]))):
            raise ShapeError(f"{self.perm} does not permute the axes of {shapes[0]}")
        return tuple(shapes[0][axis] for axis in self.perm)


@dataclasses.dataclass(frozen=True, slots=True)
class Pad(Op):
    """A constant border around the values.

    Args:
        pads: (before, after) for every axis, not negative.
        value: the real value of the border.
    """

    pads: tuple[tuple[int, int], ...]
    value: float = 0.0

    kind: ClassVar[str] = "pad"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """The padded shape."""
        if len(self.pads) != len(shapes[0]) or any(n < 0 for pair in self.pads for n in pair):
            raise ShapeError(f"pads {self.pads} do not fit {shapes[0]}")
        return tuple(
            size + before + after for size, (before, after) in zip(shapes[0], self.pads, strict=True)
        )

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> PadStep:
        """A border of the value's code."""
        x = inputs[0]
        return PadStep(self.pads, quantize_value(self.value, x.quant), x.lo, x.hi)


@dataclasses.dataclass(frozen=True, slots=True)
class CopyStep(StepOp):
    """The input's codes, unchanged; where a model returns an input or the same tensor twice."""

    kind: ClassVar[str] = "copy"

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        return shapes[0]

    def code_range(self) -> tuple[int, int]:
        """All codes."""
        return -128, 127

    def run(self, *xs: Array) -> Array:
        """X `[samples, ...]`, unchanged."""
        return xs[0]


@dataclasses.dataclass(frozen=True, slots=True)
class PadStep(StepOp):
    """A constant border of codes."""

    pads: tuple[tuple[int, int], ...]
    value: int
    lo: int
    hi: int

    kind: ClassVar[str] = "pad"

    def infer(self, *shapes: Shape) -> Shape:
        """The padded shape."""
        return Pad(self.pads).infer(*shapes)

    def code_range(self) -> tuple[int, int]:
        """The input's and the border's."""
        return min(self.lo, self.value), max(self.hi, self.value)

    def run(self, *xs: Array) -> Array:
        """X `[samples, ...]` to y with its border."""
        return np.pad(xs[0], ((0, 0), *self.pads), constant_values=self.value)

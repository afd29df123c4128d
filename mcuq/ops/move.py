"""Operators that move values without changing them."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from mcuq.ir.op import Op, RangeRule, ShapeError
from mcuq.ir.types import Shape, elem_count


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

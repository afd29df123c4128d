"""Constant borders."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.channels import Bounds, Link
from mcuq.ir.columns import Along, Sliding
from mcuq.ir.integer import Rounding
from mcuq.ir.layout import Perm, invert, without_ones
from mcuq.ir.op import Clamp, Limits, NodeView, Op, Operand, RangeRule, ShapeError, quantize_value
from mcuq.ir.spread import Spread, over_positions
from mcuq.ir.types import CODE_TYPES, Array, DType, Shape, require_codes, require_limits
from mcuq.ops.channels import MoveStep, same_channels, types_of_moved


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
    takes: ClassVar[tuple[DType, ...]] = CODE_TYPES
    carries_wide: ClassVar[bool] = True

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

    def commute_with_transpose(self, perm: Perm) -> Op | None:
        """Around the axes that were moved."""
        return Pad(tuple(self.pads[axis] for axis in invert(perm)), self.value)

    def keeps_axes(self, view: NodeView) -> bool:
        """Where it gives no axis of size 1 another size."""
        return len(without_ones(view.shapes[0])) == len(without_ones(view.output))

    def behind_clamp(self, clamp: Clamp) -> Op | None:
        """With a clipped border."""
        return Pad(self.pads, min(max(self.value, clamp.lo), clamp.hi))

    def is_identity(self, view: NodeView, limits: Callable[[], Limits]) -> bool:
        return not any(size for pair in self.pads for size in pair)

    def value_range(self, x: Callable[[], Limits]) -> Limits:
        """The input's and the border's."""
        lo, hi = x()
        return min(lo, self.value), max(hi, self.value)

    def is_homogeneous(self) -> bool:
        """With a border of zeros."""
        return self.value == 0

    def keeps_channels(self, view: NodeView) -> bool:
        """Where no channels are added."""
        return view.output[-1] == view.shapes[0][-1]

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        """A border of zeros changes no range; one of other numbers is rare."""
        is_simple = self.value == 0 or np.isneginf(self.value)
        return over_positions(inputs[0]) if is_simple else None


@dataclasses.dataclass(frozen=True, slots=True)
class PadStep(MoveStep):
    """A constant border of codes."""

    pads: tuple[tuple[int, int], ...]
    value: int
    lo: int
    hi: int

    kind: ClassVar[str] = "pad"

    def __post_init__(self) -> None:
        """Check the limits as far as that goes without the input's type."""
        require_limits(self.lo, self.hi, DType.INT16)

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """The input's, whose codes the limits and the border are."""
        require_codes(self.value, dtype=types[0])
        return types_of_moved(self.kind, types, self.lo, self.hi)

    def infer(self, *shapes: Shape) -> Shape:
        """The padded shape."""
        return Pad(self.pads).infer(*shapes)

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        """Columns as they are, behind others."""
        pads = tuple((0, 0) if place == axis else each for place, each in enumerate(self.pads))
        op = dataclasses.replace(self, pads=pads)
        return Sliding(
            1, 1, self.pads[axis][0], (lambda _: op) if any(map(any, pads)) else None, self.value, axis
        )

    def code_range(self) -> tuple[int, int]:
        """The input's and the border's."""
        return min(self.lo, self.value), max(self.hi, self.value)

    def run(self, *xs: Array) -> Array:
        """X `[samples, ...]` to y with its border."""
        return np.pad(xs[0], ((0, 0), *self.pads), constant_values=self.value)

    def links(self, *inputs: Bounds) -> tuple[Link, ...] | None:
        """Channel to channel, unless it adds channels."""
        return None if any(map(any, self.pads[-1:])) else same_channels(self, inputs)

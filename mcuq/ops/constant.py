"""Codes that are copied or constant."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from mcuq.ir.channels import Bounds, Link
from mcuq.ir.op import ShapeError
from mcuq.ir.program import StepOp
from mcuq.ir.types import Array, Int8, Shape, freeze
from mcuq.ops.channels import ChannelwiseStep


@dataclasses.dataclass(frozen=True, slots=True)
class CopyStep(ChannelwiseStep):
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


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ConstantStep(StepOp):
    """Codes of a constant tensor, brought to where other steps can read them."""

    codes: Int8

    kind: ClassVar[str] = "constant"

    def infer(self, *shapes: Shape) -> Shape:
        """The constant's shape."""
        if shapes:
            raise ShapeError("a constant has no inputs")
        return self.codes.shape

    def code_range(self) -> tuple[int, int]:
        """The smallest and largest code."""
        return int(self.codes.min()), int(self.codes.max())

    def run(self, *xs: Array) -> Array:
        """`[1, *shape]`: without inputs there is one sample, and the simulator repeats it."""
        return self.codes[None]

    def bounds(self, *inputs: Bounds) -> Bounds:
        """The codes."""
        return Bounds(self.codes, self.codes)

    def links(self, *inputs: Bounds) -> tuple[Link, ...]:
        """It needs nothing."""
        return ()

    def select(self, inputs: Sequence[Array], output: Array, bounds: Sequence[Bounds]) -> ConstantStep:
        """Fewer codes."""
        return ConstantStep(freeze(self.codes[..., output])) if self.codes.ndim else self

"""Codes that are copied or constant."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from mcuq.ir.channels import Bounds, Link
from mcuq.ir.op import ShapeError
from mcuq.ir.program import StepOp, require_types
from mcuq.ir.types import CODE_TYPES, OPTIONAL, Array, DType, Shape, freeze, require
from mcuq.ops.channels import ElementwiseStep


@dataclasses.dataclass(frozen=True, slots=True)
class CopyStep(ElementwiseStep):
    """The input's codes, unchanged; where a model returns an input or the same tensor twice."""

    dtype: DType = dataclasses.field(default=DType.INT8, metadata={OPTIONAL: True})

    kind: ClassVar[str] = "copy"

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        return shapes[0]

    def code_range(self) -> tuple[int, int]:
        """All codes of the type."""
        return self.dtype.qmin, self.dtype.qmax

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        require_types(self.kind, types, self.dtype)
        return (self.dtype,)

    def run(self, *xs: Array) -> Array:
        """X `[samples, ...]`, unchanged."""
        return xs[0]


def copy_of(dtype: DType) -> StepOp:
    """The step that copies codes of a type."""
    return CopyStep(dtype)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ConstantStep(StepOp):
    """Codes of a constant tensor, brought to where other steps can read them."""

    codes: Array

    kind: ClassVar[str] = "constant"

    def __post_init__(self) -> None:
        """Check that they are codes."""
        require(self.codes.dtype.name in [dtype.value for dtype in CODE_TYPES], "int8 or int16 codes")

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """That of the codes."""
        return self.constant_types()

    def constant_types(self) -> tuple[DType, ...]:
        """That of the codes."""
        return (DType(self.codes.dtype.name),)

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
        return Bounds(self.codes, self.codes)

    def links(self, *inputs: Bounds) -> tuple[Link, ...]:
        return ()

    def select(self, inputs: Sequence[Array], output: Array, bounds: Sequence[Bounds]) -> ConstantStep:
        return ConstantStep(freeze(self.codes[..., output])) if self.codes.ndim else self

"""What operators say about outputs in int16."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from mcuq.ir.types import DType

_W = TypeVar("_W", bound="Width")


class Width:
    """The part of an operator that knows whether its output may be int16; by default it may not."""

    # Whether activations may be int16 where somebody asks: its inputs, and outputs whose range is measured.
    carries_wide: ClassVar[bool] = False

    @property
    def measured_type(self) -> DType:
        """The element type of an output whose range is measured."""
        return DType.INT8

    @property
    def wide_inputs(self) -> tuple[int, ...]:
        """Inputs that may be int16 while the others are int8."""
        return ()

    def widen(self: _W) -> _W | None:
        """The operator with an int16 output; None where there is none."""
        return None

    def narrow(self: _W) -> _W:
        """The operator with an int8 output."""
        return self

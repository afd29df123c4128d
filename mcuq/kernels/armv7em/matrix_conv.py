"""Convolutions that are matrix products of windows for DSP cores: which they are."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.types import Shape, elem_count
from mcuq.kernels.armv7em.requantize import NEEDS
from mcuq.kernels.variant import Variant
from mcuq.ops.conv import ConvStep


class MatrixConv(Variant[ConvStep]):
    """Windows without gaps that are read and written as words.

    Measured with `mcuq profile`: a 3x3 of 16 channels costs what one of 13 does, and less than one of 14 or
    15.
    """

    needs: ClassVar[tuple[str, ...]] = NEEDS
    channel_multiple: ClassVar[int] = 4

    def window_refusal(self) -> str | None:
        """Why its windows are not for a matrix product, or None."""
        if self.op.groups != 1:
            return f"it has {self.op.groups} groups, the kernel takes dense convolutions"
        window = self.op.window
        # One tap has no gap behind it.
        if any(gap > 1 for gap, reach in zip(window.dilations, window.kernel, strict=True) if reach > 1):
            return f"it is dilated by {self.op.window.dilations}, the kernel takes windows without gaps"
        return None

    def images(self) -> tuple[Shape, Shape]:
        """Input and output as they are walked: pixels that are windows of their own make one row of all."""
        x, y, window = self.shapes.inputs[0], self.shapes.output, self.op.window
        if window.kernel != (1, 1) or window.strides != (1, 1) or any(window.pads):
            return x, y
        pixels = elem_count(x[:3])
        return (1, 1, pixels, x[3]), (1, 1, pixels, y[3])

"""Pooling for cores with vector instructions."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from mcuq.ir.plan import KernelCall, KernelWalk
from mcuq.ir.types import DType
from mcuq.kernels.armv81m.requantize import NEEDS_MVE, rounding_refusal
from mcuq.kernels.portable.pool import PortableAveragePool, PortableMaxPool, PortableMean
from mcuq.kernels.terms import count_windows
from mcuq.kernels.variant import StepShapes, Terms, VariantType
from mcuq.kernels.walks import sized, window_walk
from mcuq.ops.window import Window

_MAX_COLUMNS = 255  # codes whose sum is an int16
_MAX_TAPS = 4087  # sums of so many are divided exactly by a reciprocal of 31 bits


def _columns_refusal(window: Window) -> str | None:
    columns = window.kernel[1]
    found = f"the window is {columns} wide, the kernel takes {_MAX_COLUMNS}"
    return found if columns > _MAX_COLUMNS else None


def _lane_walk(window: Window, shapes: StepShapes) -> tuple[KernelWalk, ...]:
    return window_walk(window, shapes.inputs[0], shapes.output, lane=shapes.output[3])


def _vector_terms(window: Window, shapes: StepShapes, lanes: int) -> Terms:
    """Taps inside the image and rows of windows for every vector of channels."""
    y = shapes.output
    windows, _, inside = count_windows(window, shapes.inputs[0], y)
    blocks = -(-y[3] // lanes)
    return {
        "taps": y[0] * inside * blocks,
        "rows": y[0] * windows * window.kernel[0] * blocks,
        "blocks": y[0] * windows * blocks,
        "pixels": y[0] * windows,
        "calls": 1,
    }


class VectorMaxPool(PortableMaxPool):
    """Maximum over a window, 16 channels at a time."""

    kernel: ClassVar[str] = "mcuq_max_pool_s8_mve"
    needs: ClassVar[tuple[str, ...]] = NEEDS_MVE

    def call(self) -> KernelCall:
        """Pixel by pixel, each channel read before it is written."""
        return dataclasses.replace(super().call(), walks=_lane_walk(self.op.window, self.shapes))

    def terms(self) -> Terms:
        """Sixteens of channels."""
        return _vector_terms(self.op.window, self.shapes, 16)


class VectorAveragePool(PortableAveragePool):
    """Average over a window with the input's scale, 8 channels at a time."""

    kernel: ClassVar[str] = "mcuq_average_pool_s8_mve"
    needs: ClassVar[tuple[str, ...]] = NEEDS_MVE

    def call(self) -> KernelCall:
        """Pixel by pixel, each channel read before it is written."""
        return dataclasses.replace(super().call(), walks=_lane_walk(self.op.window, self.shapes))

    def refuse(self) -> str | None:
        """Windows whose rows can be summed in 16 bits, and whose sums can be divided by a product."""
        taps = self.op.window.kernel[0] * self.op.window.kernel[1]
        if taps > _MAX_TAPS:
            return f"the window has {taps} taps, the kernel takes {_MAX_TAPS}"
        return _columns_refusal(self.op.window)

    def terms(self) -> Terms:
        """Eights of channels."""
        return _vector_terms(self.op.window, self.shapes, 8)


class VectorMean(PortableMean):
    """Mean over windows inside the image, 8 channels at a time."""

    kernel: ClassVar[str] = "mcuq_mean_s8_mve"
    needs: ClassVar[tuple[str, ...]] = NEEDS_MVE

    def call(self) -> KernelCall:
        """Pixel by pixel, each channel read before it is written."""
        return dataclasses.replace(super().call(), walks=_lane_walk(self.op.window, self.shapes))

    def refuse(self) -> str | None:
        """Windows whose rows can be summed in 16 bits, rounded twice."""
        return _columns_refusal(self.op.window) or rounding_refusal(self.op.requant)

    def terms(self) -> Terms:
        """Eights of channels."""
        return _vector_terms(self.op.window, self.shapes, 8)


class WideVectorMean(PortableMean):
    """Mean over windows inside the image, int16: 8 channels at a time."""

    kernel: ClassVar[str] = "mcuq_mean_s16_mve"
    needs: ClassVar[tuple[str, ...]] = NEEDS_MVE
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)

    def call(self) -> KernelCall:
        """Pixel by pixel, each channel read before it is written."""
        walks = window_walk(self.op.window, self.shapes.inputs[0], self.shapes.output)
        lane = self.shapes.output[3] * DType.INT16.itemsize
        return dataclasses.replace(super().call(), walks=sized(walks, self.shapes, lane=lane))

    def refuse(self) -> str | None:
        """Rounded twice."""
        return rounding_refusal(self.op.requant)

    def terms(self) -> Terms:
        """Eights of channels."""
        return _vector_terms(self.op.window, self.shapes, 8)


VARIANTS: tuple[VariantType, ...] = (VectorMaxPool, VectorAveragePool, VectorMean, WideVectorMean)

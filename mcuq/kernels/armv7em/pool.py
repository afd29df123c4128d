"""Pooling for DSP cores."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from mcuq.ir.integer import INT32_MAX, Rounding
from mcuq.ir.plan import KernelCall, KernelWalk
from mcuq.ir.types import DType
from mcuq.kernels.armv7em.requantize import NEEDS
from mcuq.kernels.portable.pool import PortableAveragePool, PortableMaxPool, PortableMean
from mcuq.kernels.terms import count_windows
from mcuq.kernels.variant import StepShapes, Terms, VariantType
from mcuq.kernels.walks import window_walk
from mcuq.ops.window import Window


class DspMaxPool(PortableMaxPool):
    """Maximum over a window, four channels at a time."""

    kernel: ClassVar[str] = "mcuq_max_pool_s8_dsp"
    needs: ClassVar[tuple[str, ...]] = NEEDS

    def call(self) -> KernelCall:
        """Pixel by pixel, see `_four_walk`."""
        return dataclasses.replace(super().call(), walks=_four_walk(self.op.window, self.shapes))

    def terms(self) -> Terms:
        """Eights of channels, then fours; less than four are taken one by one."""
        channels = self.shapes.output[3]
        eights = channels // 8
        fours = -(-(channels % 8) // 4) if channels >= 4 else 0
        ones = channels if channels < 4 else 0
        return _block_terms(self.op.window, self.shapes, (("eight", eights), ("four", fours), ("one", ones)))


class DspAveragePool(PortableAveragePool):
    """Average over a window with the input's scale, four channels at a time."""

    kernel: ClassVar[str] = "mcuq_average_pool_s8_dsp"
    needs: ClassVar[tuple[str, ...]] = NEEDS

    def call(self) -> KernelCall:
        """Pixel by pixel, see `_four_walk`."""
        return dataclasses.replace(super().call(), walks=_four_walk(self.op.window, self.shapes))

    def terms(self) -> Terms:
        """Fours of channels; less than four are taken one by one."""
        channels = self.shapes.output[3]
        fours, ones = (-(-channels // 4), 0) if channels >= 4 else (0, channels)
        return _block_terms(self.op.window, self.shapes, (("four", fours), ("one", ones)))


def _four_walk(window: Window, shapes: StepShapes) -> tuple[KernelWalk, ...]:
    """Each channel is read before it is written, but for the last four where they overlap those before."""
    x, y = shapes.inputs[0], shapes.output
    again = y[3] % 4 if y[3] > 4 else 0
    if again:
        return window_walk(window, x, y, late=(0, again))
    return window_walk(window, x, y, lane=y[3])


def _block_terms(window: Window, shapes: StepShapes, blocks: Sequence[tuple[str, int]]) -> Terms:
    """Taps inside the image, rows of windows and windows for each kind of blocks, so many a pixel."""
    y = shapes.output
    windows, _, inside = count_windows(window, shapes.inputs[0], y)
    terms = {"pixels": y[0] * windows, "calls": 1}
    for name, count in blocks:
        terms[f"{name}_taps"] = y[0] * inside * count
        terms[f"{name}_rows"] = y[0] * windows * window.kernel[0] * count
        terms[f"{name}s"] = y[0] * windows * count
    return terms


class DspMean(PortableMean):
    """Mean over windows inside the image, four channels at a time."""

    kernel: ClassVar[str] = "mcuq_mean_s8_dsp"
    needs: ClassVar[tuple[str, ...]] = NEEDS

    def call(self) -> KernelCall:
        """Pixel by pixel, see `_four_walk`."""
        base, op = super().call(), self.op
        taps = op.window.kernel[0] * op.window.kernel[1]
        reach = (255 * taps) << (1 + op.requant.max_left_shift)
        is_double = (
            op.requant.rounding is Rounding.DOUBLE and op.requant.shift[0] > -31 and reach <= INT32_MAX
        )
        fields = (*base.fields, ("is_double", int(is_double)))
        return dataclasses.replace(base, fields=fields, walks=_four_walk(op.window, self.shapes))

    def terms(self) -> Terms:
        """Fours of channels; less than four are taken one by one, quickest where codes follow each other."""
        x, y, kernel = self.shapes.inputs[0], self.shapes.output, self.op.window.kernel
        pixels, taps = y[0] * y[1] * y[2], kernel[0] * kernel[1]
        fours = pixels * -(-y[3] // 4) if y[3] >= 4 else 0
        ones = pixels * y[3] if y[3] < 4 else 0
        rows = 1 if kernel[1] in (1, x[2]) else kernel[0]
        is_dense = y[3] == 1 and (kernel[1] > 1 or x[2] == 1)
        return {
            "four_taps": fours * taps,
            "four_rows": fours * rows,
            "fours": fours,
            "dense_taps": ones * taps * is_dense,
            "one_taps": ones * taps * (not is_dense),
            "one_rows": ones * rows,
            "ones": ones,
            "calls": 1,
        }


class WideMean(PortableMean):
    """Mean over windows inside the image, int16: two channels in a word."""

    kernel: ClassVar[str] = "mcuq_mean_s16_dsp"
    needs: ClassVar[tuple[str, ...]] = NEEDS
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)
    channel_multiple: ClassVar[int] = 2

    def refuse(self) -> str | None:
        """An even number of channels."""
        channels = self.shapes.output[3]
        return f"it has {channels} channels, the kernel takes an even number" if channels % 2 else None


VARIANTS: tuple[VariantType, ...] = (
    DspMaxPool,
    DspAveragePool,
    DspMean,
    WideMean,
)

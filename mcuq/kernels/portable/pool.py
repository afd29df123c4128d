"""Pooling in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import KernelCall
from mcuq.ir.types import DType, elem_count
from mcuq.kernels.fields import Fields, image_fields, kernel_fields, window_fields
from mcuq.kernels.terms import count_windows
from mcuq.kernels.variant import StepShapes, Terms, Variant, VariantType
from mcuq.ops.pool import AveragePoolStep, MaxPoolStep, MeanStep
from mcuq.ops.window import Window


def _pool_fields(shapes: StepShapes) -> Fields:
    return image_fields(shapes.inputs[0], shapes.output, "channels")


def tap_terms(window: Window, shapes: StepShapes) -> Terms:
    """Taps inside the image and others, rows of windows, and outputs."""
    y, outputs = shapes.output, elem_count(shapes.output)
    _, _, inside = count_windows(window, shapes.inputs[0], y)
    taps = window.kernel[0] * window.kernel[1]
    return {
        "taps": y[0] * y[3] * inside,
        "outside": outputs * taps - y[0] * y[3] * inside,
        "rows": outputs * window.kernel[0],
        "outputs": outputs,
        "calls": 1,
    }


class PortableMaxPool(Variant[MaxPoolStep]):
    """Maximum over a window."""

    kernel: ClassVar[str] = "mcuq_max_pool_s8"

    def call(self) -> KernelCall:
        fields = (*_pool_fields(self.shapes), *window_fields(self.op.window, with_dilation=True))
        return KernelCall(self.kernel, fields, ())

    def terms(self) -> Terms:
        """Every tap of every output is looked at."""
        return tap_terms(self.op.window, self.shapes)


class PortableAveragePool(Variant[AveragePoolStep]):
    """Average over a window with the input's scale."""

    kernel: ClassVar[str] = "mcuq_average_pool_s8"

    def call(self) -> KernelCall:
        fields = (
            *_pool_fields(self.shapes),
            *window_fields(self.op.window, with_dilation=False),
            ("counts_outside", int(self.op.count_include_pad)),
            ("outside", self.op.x_zero_point),
        )
        return KernelCall(self.kernel, fields, ())

    def terms(self) -> Terms:
        """Every tap of every output is looked at."""
        return tap_terms(self.op.window, self.shapes)


class PortableMean(Variant[MeanStep]):
    """Mean over windows inside the image."""

    kernel: ClassVar[str] = "mcuq_mean_s8"

    def call(self) -> KernelCall:
        """The zero point of all taps together is one offset."""
        op = self.op
        taps = op.window.kernel[0] * op.window.kernel[1]
        fields = (
            *_pool_fields(self.shapes),
            *kernel_fields(op.window),
            ("offset", op.x_zero_point * taps),
            ("multiplier", op.requant.multiplier[0]),
            ("shift", op.requant.shift[0]),
            ("y_zero_point", op.y_zero_point),
            ("lo", op.lo),
            ("hi", op.hi),
        )
        return KernelCall(self.kernel, fields, ())

    def terms(self) -> Terms:
        """All codes are summed up, every output is requantized."""
        outputs, kernel = elem_count(self.shapes.output), self.op.window.kernel
        return {"codes": outputs * kernel[0] * kernel[1], "outputs": outputs, "calls": 1}


class PortableMaxPoolInt16(PortableMaxPool):
    """Maximum over a window, int16."""

    kernel: ClassVar[str] = "mcuq_max_pool_s16"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)


class PortableAveragePoolInt16(PortableAveragePool):
    """Average over a window with the input's scale, int16."""

    kernel: ClassVar[str] = "mcuq_average_pool_s16"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)


class PortableMeanInt16(PortableMean):
    """Mean over windows inside the image, int16."""

    kernel: ClassVar[str] = "mcuq_mean_s16"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)


VARIANTS: tuple[VariantType, ...] = (
    PortableMaxPool,
    PortableAveragePool,
    PortableMean,
    PortableMaxPoolInt16,
    PortableAveragePoolInt16,
    PortableMeanInt16,
)

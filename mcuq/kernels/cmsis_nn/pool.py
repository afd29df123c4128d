"""Pools by CMSIS-NN."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import KernelCall
from mcuq.kernels.cmsis_nn.calls import (
    LibraryCall,
    OnHelium,
    PlainC,
    WithDsp,
    activation,
    as_called,
    dims,
    image_dims,
    size_refusal,
    window_tiles,
)
from mcuq.kernels.fields import Fields
from mcuq.kernels.variant import StepShapes, VariantType
from mcuq.ops.pool import AveragePoolStep, MaxPoolStep
from mcuq.ops.window import Window


def _pool_fields(window: Window, shapes: StepShapes) -> Fields:
    return (
        *window_tiles("pool", window, has_dilation=False),
        *activation("pool", -128, 127),
        *image_dims(shapes.inputs[0], shapes.output),
        *dims("filter", 1, *window.kernel, 1),
    )


def _pool_refusal(window: Window, shapes: StepShapes) -> str | None:
    window = as_called(window)
    if window.dilations != (1, 1):
        return "the library has no pools with dilation"
    return "a window may lie beside the image" if window.can_miss_image else size_refusal(shapes)


class CmsisMaxPool(LibraryCall[MaxPoolStep]):
    """Maximum over a window by `arm_max_pool_s8`."""

    kernel: ClassVar[str] = "mcuq_cmsis_nn_max_pool_s8"

    def refuse(self) -> str | None:
        return _pool_refusal(self.op.window, self.shapes)

    def call(self) -> KernelCall:
        """Without work memory."""
        return self.library_call(_pool_fields(self.op.window, self.shapes), ())


class _AveragePool(LibraryCall[AveragePoolStep]):
    """Average over a window with the input's scale by `arm_avgpool_s8`."""

    kernel: ClassVar[str] = "mcuq_cmsis_nn_average_pool_s8"

    def refuse(self) -> str | None:
        if self.op.count_include_pad and any(self.op.window.pads):
            return "the library does not count taps outside the image"
        return _pool_refusal(self.op.window, self.shapes)

    def call(self) -> KernelCall:
        fields = (*_pool_fields(self.op.window, self.shapes), ("scratch_bytes", self.buffer_bytes()))
        return self.library_call(fields, (), self.buffer_bytes())

    def buffer_bytes(self) -> int:
        """None in plain C and on Helium."""
        return 0


class CmsisAveragePoolDsp(_AveragePool, WithDsp[AveragePoolStep]):
    """On cores with DSP instructions."""

    def buffer_bytes(self) -> int:
        """A sum of each channel."""
        return 4 * self.shapes.inputs[0][3]


class CmsisAveragePoolHelium(_AveragePool, OnHelium[AveragePoolStep]):
    """On Helium."""


class CmsisAveragePool(_AveragePool, PlainC[AveragePoolStep]):
    """In plain C."""


VARIANTS: tuple[VariantType, ...] = (
    CmsisMaxPool,
    CmsisAveragePoolHelium,
    CmsisAveragePoolDsp,
    CmsisAveragePool,
)

"""Depthwise convolutions by CMSIS-NN."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import freeze
from mcuq.kernels.cmsis_nn.calls import (
    LibraryCall,
    OnHelium,
    PlainC,
    WithDsp,
    as_called,
    dims,
    image_dims,
    offset_fields,
    scale_arrays,
    size_refusal,
    sum_refusal,
    window_tiles,
)
from mcuq.kernels.fields import Fields
from mcuq.kernels.variant import VariantType
from mcuq.ops.conv import DepthwiseStep
from mcuq.ops.window import Window

# Channels that the library's function for Helium takes at a time.
_HELIUM_CHANNELS = 124


class _Depthwise(LibraryCall[DepthwiseStep]):
    """Depthwise convolution by `arm_depthwise_conv_wrapper_s8`."""

    kernel: ClassVar[str] = "mcuq_cmsis_nn_depthwise_conv2d_s8"

    def refuse(self) -> str | None:
        """The library's 3x3 reads the second column of every window without a look at borders."""
        window, x = self.window, self.shapes.inputs[0]
        last = (self.shapes.output[2] - 1) * window.strides[1] - window.pads[1]
        if self.is_3x3 and last > x[2] - 2:
            return "the library reads the second column of a 3x3 window that ends in its first one"
        return size_refusal(self.shapes) or sum_refusal(self.op.params)

    def call(self) -> KernelCall:
        """Weights channels last, `[KH][KW][M]`."""
        params, x, y = self.op.params, self.shapes.inputs[0], self.shapes.output
        _, kh, kw, _ = params.weights.shape
        fields: Fields = (
            *offset_fields("conv", params),
            ("conv.ch_mult", y[3] // x[3]),
            *window_tiles("conv", self.window, has_dilation=True),
            *image_dims(x, y),
            *dims("filter", 1, kh, kw, y[3]),
            ("scratch_bytes", self.buffer_bytes()),
        )
        packed = np.ascontiguousarray(params.weights.transpose(3, 1, 2, 0)).reshape(-1)
        weights = CArray("weights", freeze(packed), f"weights {[kh, kw, y[3]]}, channels last")
        arrays = (weights, CArray("bias", params.bias, "bias"), *scale_arrays(params.requant))
        return self.library_call(fields, arrays, self.buffer_bytes())

    @property
    def window(self) -> Window:
        """What an output reads."""
        return as_called(self.op.window)

    @property
    def is_fast(self) -> bool:
        """Whether the library has functions for it beside the general one."""
        x, y = self.shapes.inputs[0], self.shapes.output
        return x[0] == 1 and x[3] == y[3] and self.window.dilations == (1, 1)

    @property
    def is_3x3(self) -> bool:
        """Whether one of them is that for 3x3, of cores without vectors and of the host."""
        window = self.window
        return self.is_fast and window.kernel == (3, 3) and max(window.pads[:2]) <= 1

    def buffer_bytes(self) -> int:
        """Of plain C: none."""
        return 0


class CmsisDepthwise(_Depthwise, PlainC[DepthwiseStep]):
    """In plain C."""


class CmsisDepthwiseDsp(_Depthwise, WithDsp[DepthwiseStep]):
    """On cores with DSP instructions."""

    def buffer_bytes(self) -> int:
        """A window of int16."""
        kh, kw = self.op.window.kernel
        return 2 * self.shapes.inputs[0][3] * kh * kw if self.is_fast and not self.is_3x3 else 0


class CmsisDepthwiseHelium(_Depthwise, OnHelium[DepthwiseStep]):
    """On Helium."""

    def buffer_bytes(self) -> int:
        """Four windows of some channels."""
        kh, kw = self.op.window.kernel
        return 4 * _HELIUM_CHANNELS * kh * kw if self.is_fast else 0


VARIANTS: tuple[VariantType, ...] = (CmsisDepthwiseHelium, CmsisDepthwiseDsp, CmsisDepthwise)

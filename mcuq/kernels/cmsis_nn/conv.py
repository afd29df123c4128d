"""Convolutions by CMSIS-NN."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import freeze
from mcuq.kernels.cmsis_nn.calls import (
    LibraryCall,
    OnHelium,
    WithoutHelium,
    as_called,
    dims,
    image_dims,
    offset_fields,
    scale_arrays,
    size_refusal,
    sum_refusal,
    window_tiles,
)
from mcuq.kernels.cmsis_nn.lines import Line
from mcuq.kernels.fields import Fields, round_up
from mcuq.kernels.variant import VariantType
from mcuq.ops.conv import ConvStep
from mcuq.ops.window import Window


class _Conv(LibraryCall[ConvStep]):
    """Dense and grouped convolution by `arm_convolve_wrapper_s8`."""

    kernel: ClassVar[str] = "mcuq_cmsis_nn_conv2d_s8"

    def refuse(self) -> str | None:
        """The library looks at the borders before the image alone; behind it windows just end."""
        if self.is_single_tap and any(self.window.pads):
            return "the library reads single taps without a look at borders"
        return size_refusal(self.shapes) or sum_refusal(self.op.params)

    def call(self) -> KernelCall:
        """Weights as they are, `[M][KH][KW][C / groups]`."""
        params, x, y = self.op.params, self.shapes.inputs[0], self.shapes.output
        _, kh, kw, depth = params.weights.shape
        fields: Fields = (
            *offset_fields("conv", params),
            *window_tiles("conv", self.window, has_dilation=True),
            *image_dims(x, y),
            *dims("filter", y[3], kh, kw, depth),
            ("scratch_bytes", self.buffer_bytes()),
        )
        weights = CArray(
            "weights", freeze(params.weights.reshape(-1)), f"weights {list(params.weights.shape)}"
        )
        arrays = (weights, CArray("bias", params.bias, "bias"), *scale_arrays(params.requant))
        return self.library_call(fields, arrays, self.buffer_bytes())

    @property
    def window(self) -> Window:
        """What an output reads."""
        return as_called(self.op.window)

    @property
    def is_single_tap(self) -> bool:
        """Whether the library computes it as a product of matrices."""
        return self.op.window.kernel == (1, 1) and self.op.groups == 1

    def buffer_bytes(self) -> int:
        """Two windows of int16."""
        (kh, kw), depth = self.op.window.kernel, self.shapes.inputs[0][3]
        return 0 if self.is_single_tap else 4 * round_up(kh * kw * depth, 4)


class CmsisConv(_Conv, WithoutHelium[ConvStep]):
    """On cores without vectors."""


class CmsisConvHelium(_Conv, OnHelium[ConvStep]):
    """On Helium."""

    def refuse(self) -> str | None:
        """Rows by themselves have another function, which takes few borders."""
        line = self._line()
        return super().refuse() or (None if line is None else line.refusal())

    def buffer_bytes(self) -> int:
        """Four windows of int8 or, of a row by itself, its ends; and what the host asks for."""
        on_host = super().buffer_bytes()
        if self.is_single_tap:
            return on_host
        line = self._line()
        if line is not None and line.is_by_parts:
            return max(line.buffer_bytes, on_host)
        (kh, kw), depth = self.op.window.kernel, self.shapes.inputs[0][3]
        return max(4 * round_up(kh * kw * depth, 16), on_host)

    def _line(self) -> Line | None:
        """The window, where the library takes the image as a row; None where it does not."""
        window, x = self.window, self.shapes.inputs[0]
        is_line = x[1] == window.kernel[0] == window.dilations[1] == self.op.groups == 1
        if self.is_single_tap or not is_line or window.strides[1] * x[3] % 4:
            return None
        width = self.shapes.output[2]
        return Line(x[2], width, window.kernel[1], window.strides[1], window.pads[1], x[3])


VARIANTS: tuple[VariantType, ...] = (CmsisConvHelium, CmsisConv)

"""Convolutions in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import elem_count
from mcuq.kernels.fields import image_fields, window_fields
from mcuq.kernels.portable.weighted import channel_arrays, code_fields
from mcuq.kernels.terms import count_windows
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.ops.conv import ConvStep


class PortableConv(Variant[ConvStep]):
    """Dense and grouped convolution."""

    kernel: ClassVar[str] = "mcuq_conv2d_s8"

    def call(self) -> KernelCall:
        """Weights as they are, `[M][KH][KW][C / groups]`."""
        op, weights = self.op, self.op.params.weights
        fields = (
            *image_fields(self.shapes.inputs[0], self.shapes.output, "in_c"),
            ("out_c", len(weights)),
            ("groups", op.groups),
            *window_fields(op.window, with_dilation=True),
            *code_fields(op.params),
        )
        packed = CArray("weights", weights.reshape(-1), f"weights {list(weights.shape)}")
        return KernelCall(self.kernel, fields, (packed, *channel_arrays(op.params)))

    def terms(self) -> Terms:
        """One output at a time, taps outside the image left out."""
        x, y = self.shapes.inputs[0], self.shapes.output
        _, _, taps = count_windows(self.op.window, x, y)
        depth = x[3] // self.op.groups
        return {
            "macs": x[0] * y[3] * taps * depth,
            "taps": x[0] * y[3] * taps,
            "rows": elem_count(y) * self.op.window.kernel[0],
            "outputs": elem_count(y),
            "calls": 1,
        }


VARIANTS: tuple[VariantType, ...] = (PortableConv,)

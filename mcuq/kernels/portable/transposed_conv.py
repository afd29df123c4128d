"""Transposed convolutions in plain C."""

from __future__ import annotations

import math
from typing import ClassVar

from mcuq.ir.plan import KernelCall
from mcuq.ir.types import DType, elem_count
from mcuq.kernels.fields import Fields, image_fields
from mcuq.kernels.portable.weighted import channel_arrays, code_fields, stored_weights
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.ops.transposed_conv import Stamp, TransposedConvStep


class PortableTransposedConv(Variant[TransposedConvStep]):
    """Dense and grouped transposed convolution."""

    kernel: ClassVar[str] = "mcuq_transposed_conv2d_s8"

    def call(self) -> KernelCall:
        """Weights as they are, `[M][KH][KW][C / groups]`."""
        op, weights = self.op, self.op.params.weights
        fields = (
            *image_fields(self.shapes.inputs[0], self.shapes.output, "in_c"),
            ("out_c", len(weights)),
            ("groups", op.groups),
            *stamp_fields(op.stamp),
            *code_fields(op.params),
        )
        packed = stored_weights(weights, self.takes_constants[0])
        return KernelCall(self.kernel, fields, (packed, *channel_arrays(op.params)))

    def terms(self) -> Terms:
        """One output at a time; taps that the output's border cuts off count, too."""
        macs = self.op.macs(self.shapes.output)
        depth: int = self.op.params.weights.shape[3]
        return {"macs": macs, "taps": macs // depth, "outputs": elem_count(self.shapes.output), "calls": 1}


def stamp_fields(stamp: Stamp) -> Fields:
    """Where taps meet inputs: what is divided is divided here."""
    pairs = list(zip(stamp.strides, stamp.dilations, strict=True))
    common = [math.gcd(*pair) for pair in pairs]
    return (
        *zip(("kernel_h", "kernel_w"), stamp.kernel, strict=True),
        *zip(("stride_h", "stride_w"), stamp.strides, strict=True),
        *zip(("dilation_h", "dilation_w"), stamp.dilations, strict=True),
        ("pad_top", stamp.pads[0]),
        ("pad_left", stamp.pads[1]),
        ("tap_step_h", stamp.strides[0] // common[0]),
        ("tap_step_w", stamp.strides[1] // common[1]),
        ("back_step_h", stamp.dilations[0] // common[0]),
        ("back_step_w", stamp.dilations[1] // common[1]),
    )


class NibbleTransposedConv(PortableTransposedConv):
    """Dense and grouped transposed convolution, weights of four bits."""

    kernel: ClassVar[str] = "mcuq_transposed_conv2d_s8_w4"
    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT4,)


VARIANTS: tuple[VariantType, ...] = (PortableTransposedConv, NibbleTransposedConv)

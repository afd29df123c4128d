"""Depthwise convolutions in plain C."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import DType, elem_count, freeze
from mcuq.kernels.fields import Fields, image_fields, round_up, window_fields
from mcuq.kernels.portable.blocked import folded_bias
from mcuq.kernels.portable.mixed import NarrowToWide, WideToNarrow, WideToWide, mixed_call
from mcuq.kernels.portable.weighted import channel_arrays, code_fields, stored_weights
from mcuq.kernels.terms import count_windows
from mcuq.kernels.variant import StepShapes, Terms, Variant, VariantType
from mcuq.kernels.walks import row_walk
from mcuq.ops.conv import DepthwiseStep
from mcuq.ops.window import Window


class PlaneDepthwise(Variant[DepthwiseStep]):
    """Channel by channel, four outputs of a line at a time: a row of the image or, if longer, a column."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s8_planes"
    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT8, DType.INT4)

    def call(self) -> KernelCall:
        """Weights with the channel first, `[M][lines][taps of a line]`."""
        op, (n, *_, channels), y = self.op, self.shapes.inputs[0], self.shapes.output
        lines, along = self.axes()
        weights = op.params.weights[..., 0]
        if lines.axis == 1:
            weights = weights.transpose(0, 2, 1)
        fields: Fields = (
            ("n", n),
            ("x_image", lines.size * along.size * channels),
            ("x_line", channels * (1 if lines.axis == 1 else along.size)),
            ("x_step", channels * (lines.size if lines.axis == 1 else 1)),
            ("y_image", y[1] * y[2] * y[3]),
            ("y_line", y[3] * (1 if lines.axis == 1 else y[2])),
            ("y_step", y[3] * (y[2] if lines.axis == 1 else 1)),
            *zip(("in_lines", "in_l"), (lines.size, along.size), strict=True),
            *zip(("out_lines", "out_l"), (lines.outputs, along.outputs), strict=True),
            ("out_c", y[3]),
            ("per_channel", y[3] // channels),
            *zip(("kernel_lines", "kernel_l"), (lines.kernel, along.kernel), strict=True),
            *zip(("stride_lines", "stride_l"), (lines.stride, along.stride), strict=True),
            *zip(("dilation_lines", "dilation_l"), (lines.dilation, along.dilation), strict=True),
            *zip(("pad_lines", "pad_l"), (lines.pad, along.pad), strict=True),
            *zip(("plane_lines", "plane_l"), (lines.reach, along.reach), strict=True),
            *code_fields(op.params),
        )
        packed = CArray("weights", freeze(weights.reshape(-1)), f"weights {list(weights.shape)}")
        arrays = (packed, folded_bias(op.params), *channel_arrays(op.params)[1:])
        plane = lines.reach * along.reach + 3 * along.stride
        is_single = y[3] == channels
        walks = row_walk(n, elem_count(self.shapes.inputs[0][1:]), elem_count(y[1:]), channels)
        return KernelCall(
            self.kernel,
            fields,
            arrays,
            scratch_bytes=4 * round_up(along.outputs, 4) + plane,
            walks=walks if is_single else (),
        )

    def axes(self) -> tuple[Axis, Axis]:
        """The axis that counts lines, and the one along them: that of more outputs."""
        rows, columns = (Axis.of(self.op.window, axis, self.shapes) for axis in (0, 1))
        return (columns, rows) if rows.outputs > columns.outputs else (rows, columns)

    def terms(self) -> Terms:
        """Planes, lines of outputs, outputs by fours."""
        x, y = self.shapes.inputs[0], self.shapes.output
        lines, along = self.axes()
        is_three = (along.kernel, along.stride, along.dilation) == (3, 1, 1)
        planes, all_lines = x[0] * x[3], x[0] * y[3] * lines.outputs
        fours = all_lines * -(-along.outputs // 4)
        return {
            "copied": planes * min(lines.size, lines.reach) * min(along.size, along.reach),
            "copied_lines": planes * min(lines.size, lines.reach),
            "lines": all_lines,
            "fours": fours,
            "three_rows": fours * lines.kernel * is_three,
            "rows": fours * lines.kernel * (not is_three),
            "taps": fours * lines.kernel * along.kernel * (not is_three),
            "outputs": elem_count(y),
            "calls": 1,
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Axis:
    """One axis of images and windows.

    Args:
        axis: 0 of rows, 1 of columns.
        size: of the input.
        outputs: of the output.
        kernel: taps.
        stride: of windows.
        dilation: of taps.
        pad: before the image.
        reach: from where the first window begins to where the last one ends.
    """

    axis: int
    size: int
    outputs: int
    kernel: int
    stride: int
    dilation: int
    pad: int
    reach: int

    @classmethod
    def of(cls, window: Window, axis: int, shapes: StepShapes) -> Axis:
        """That of a step."""
        kernel, stride, dilation = window.kernel[axis], window.strides[axis], window.dilations[axis]
        outputs = shapes.output[1 + axis]
        reach = stride * (outputs - 1) + dilation * (kernel - 1) + 1
        size = shapes.inputs[0][1 + axis]
        return cls(axis, size, outputs, kernel, stride, dilation, window.pads[axis], reach)


class PortableDepthwise(Variant[DepthwiseStep]):
    """Depthwise convolution."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s8"

    def call(self) -> KernelCall:
        """Weights with the channel last, `[KH][KW][M]`."""
        op, x = self.op, self.shapes.inputs[0]
        weights = op.params.weights[..., 0].transpose(1, 2, 0)
        packed = stored_weights(weights, self.takes_constants[0])
        fields = (
            *image_fields(x, self.shapes.output, "in_c"),
            ("out_c", weights.shape[2]),
            ("per_channel", weights.shape[2] // x[3]),
            *window_fields(op.window, with_dilation=True),
            *code_fields(op.params),
        )
        return KernelCall(self.kernel, fields, (packed, *channel_arrays(op.params)))

    def terms(self) -> Terms:
        """One output at a time, taps outside the image left out."""
        x, y = self.shapes.inputs[0], self.shapes.output
        _, _, taps = count_windows(self.op.window, x, y)
        return {
            "macs": x[0] * y[3] * taps,
            "rows": elem_count(y) * self.op.window.kernel[0],
            "outputs": elem_count(y),
            "calls": 1,
        }


class _MixedDepthwise(PortableDepthwise):
    """The same with an input or output of int16."""

    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT8, DType.INT4)

    def call(self) -> KernelCall:
        """Weights as they are, and how sums are kept."""
        return mixed_call(super().call(), self.op.params)


class WideDepthwise(WideToWide, _MixedDepthwise):
    """From int16 to int16."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s16"


class NarrowingDepthwise(WideToNarrow, _MixedDepthwise):
    """From int16 to int8."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s16_s8"


class WideningDepthwise(NarrowToWide, _MixedDepthwise):
    """From int8 to int16."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s8_s16"


class _NibbleMixedDepthwise(_MixedDepthwise):
    """The same with weights of four bits."""

    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT4,)


class WideNibbleDepthwise(WideToWide, _NibbleMixedDepthwise):
    """From int16 to int16, weights of four bits."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s16_w4"


class NarrowingNibbleDepthwise(WideToNarrow, _NibbleMixedDepthwise):
    """From int16 to int8, weights of four bits."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s16_s8_w4"


class WideningNibbleDepthwise(NarrowToWide, _NibbleMixedDepthwise):
    """From int8 to int16, weights of four bits."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s8_s16_w4"


class NibbleDepthwise(PortableDepthwise):
    """Depthwise convolution, weights of four bits."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s8_w4"
    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT4,)


VARIANTS: tuple[VariantType, ...] = (
    PlaneDepthwise,
    PortableDepthwise,
    WideNibbleDepthwise,
    NarrowingNibbleDepthwise,
    WideningNibbleDepthwise,
    WideDepthwise,
    NarrowingDepthwise,
    WideningDepthwise,
    NibbleDepthwise,
)

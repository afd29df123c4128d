"""The portable kernels: plain C99 for any target; they accept every step."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import Shape, elem_count, freeze
from mcuq.kernels.portable_elementwise import ELEMENTWISE
from mcuq.kernels.portable_move import MOVES
from mcuq.kernels.variant import AnyVariant, StepShapes, Variant
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.pool import AveragePoolStep, MaxPoolStep, MeanStep
from mcuq.ops.softmax import SoftmaxStep
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window

Fields = tuple[tuple[str, int], ...]


def _image_fields(x: Shape, y: Shape) -> Fields:
    return (("n", x[0]), ("in_h", x[1]), ("in_w", x[2]), ("in_c", x[3]), ("out_h", y[1]), ("out_w", y[2]))


def _pool_fields(x: Shape, y: Shape) -> Fields:
    return (("n", x[0]), ("in_h", x[1]), ("in_w", x[2]), ("channels", x[3]), ("out_h", y[1]), ("out_w", y[2]))


def _window_fields(window: Window) -> Fields:
    (kh, kw), (sh, sw) = window.kernel, window.strides
    return (("kernel_h", kh), ("kernel_w", kw), ("stride_h", sh), ("stride_w", sw))


def _dilation_fields(window: Window) -> Fields:
    return (("dilation_h", window.dilations[0]), ("dilation_w", window.dilations[1]))


def _pad_fields(window: Window) -> Fields:
    return (("pad_top", window.pads[0]), ("pad_left", window.pads[1]))


def _code_fields(params: WeightedParams) -> Fields:
    return (
        ("x_zero_point", params.x_zero_point),
        ("y_zero_point", params.y_zero_point),
        ("lo", params.lo),
        ("hi", params.hi),
    )


def _channel_arrays(params: WeightedParams) -> tuple[CArray, ...]:
    return (
        CArray("bias", params.bias, "bias"),
        CArray("multiplier", freeze(np.array(params.requant.multiplier, np.int32)), "multipliers"),
        CArray("shift", freeze(np.array(params.requant.shift, np.int8)), "shifts, positive is left"),
    )


class PortableConv(Variant[ConvStep]):
    """Dense and grouped convolution."""

    kernel: ClassVar[str] = "mcuq_conv2d_s8"
    step_op = ConvStep

    def call(self, op: ConvStep, site: StepShapes) -> KernelCall:
        """Weights as they are, `[M][KH][KW][C / groups]`."""
        weights = op.params.weights
        fields = (
            *_image_fields(site.inputs[0], site.output),
            ("out_c", len(weights)),
            ("groups", op.groups),
            *_window_fields(op.window),
            *_dilation_fields(op.window),
            *_pad_fields(op.window),
            *_code_fields(op.params),
        )
        packed = CArray("weights", weights.reshape(-1), f"weights {list(weights.shape)}")
        return KernelCall(self.kernel, fields, (packed, *_channel_arrays(op.params)))


class PortableDepthwise(Variant[DepthwiseStep]):
    """Depthwise convolution."""

    kernel: ClassVar[str] = "mcuq_depthwise_conv2d_s8"
    step_op = DepthwiseStep

    def call(self, op: DepthwiseStep, site: StepShapes) -> KernelCall:
        """Weights with the channel last, `[KH][KW][M]`."""
        weights = op.params.weights[..., 0].transpose(1, 2, 0)
        fields = (
            *_image_fields(site.inputs[0], site.output),
            ("out_c", weights.shape[2]),
            ("per_channel", weights.shape[2] // site.inputs[0][3]),
            *_window_fields(op.window),
            *_dilation_fields(op.window),
            *_pad_fields(op.window),
            *_code_fields(op.params),
        )
        packed = CArray("weights", freeze(weights.reshape(-1)), f"weights {list(weights.shape)}")
        return KernelCall(self.kernel, fields, (packed, *_channel_arrays(op.params)))


class PortableLinear(Variant[LinearStep]):
    """Fully connected."""

    kernel: ClassVar[str] = "mcuq_linear_s8"
    step_op = LinearStep

    def call(self, op: LinearStep, site: StepShapes) -> KernelCall:
        """Weights as they are, `[M][K]`."""
        weights = op.params.weights
        fields = (
            ("rows", elem_count(site.inputs[0][:-1])),
            ("in_c", weights.shape[1]),
            ("out_c", weights.shape[0]),
            *_code_fields(op.params),
        )
        packed = CArray("weights", weights.reshape(-1), f"weights {list(weights.shape)}")
        return KernelCall(self.kernel, fields, (packed, *_channel_arrays(op.params)))


class PortableMaxPool(Variant[MaxPoolStep]):
    """Maximum over a window."""

    kernel: ClassVar[str] = "mcuq_max_pool_s8"
    step_op = MaxPoolStep

    def call(self, op: MaxPoolStep, site: StepShapes) -> KernelCall:
        """No constants."""
        fields = (
            *_pool_fields(site.inputs[0], site.output),
            *_window_fields(op.window),
            *_dilation_fields(op.window),
            *_pad_fields(op.window),
        )
        return KernelCall(self.kernel, fields, ())


class PortableAveragePool(Variant[AveragePoolStep]):
    """Average over a window with the input's scale."""

    kernel: ClassVar[str] = "mcuq_average_pool_s8"
    step_op = AveragePoolStep

    def call(self, op: AveragePoolStep, site: StepShapes) -> KernelCall:
        """No constants."""
        fields = (
            *_pool_fields(site.inputs[0], site.output),
            *_window_fields(op.window),
            *_pad_fields(op.window),
            ("counts_outside", int(op.count_include_pad)),
            ("outside", op.x_zero_point),
        )
        return KernelCall(self.kernel, fields, ())


class PortableMean(Variant[MeanStep]):
    """Mean over windows inside the image."""

    kernel: ClassVar[str] = "mcuq_mean_s8"
    step_op = MeanStep

    def call(self, op: MeanStep, site: StepShapes) -> KernelCall:
        """The zero point of all taps together is one offset."""
        taps = op.window.kernel[0] * op.window.kernel[1]
        fields = (
            *_pool_fields(site.inputs[0], site.output),
            *_window_fields(op.window),
            ("offset", op.x_zero_point * taps),
            ("multiplier", op.requant.multiplier[0]),
            ("shift", op.requant.shift[0]),
            ("y_zero_point", op.y_zero_point),
            ("lo", op.lo),
            ("hi", op.hi),
        )
        return KernelCall(self.kernel, fields, ())


class PortableSoftmax(Variant[SoftmaxStep]):
    """Softmax over rows."""

    kernel: ClassVar[str] = "mcuq_softmax_s8"
    step_op = SoftmaxStep

    def call(self, op: SoftmaxStep, site: StepShapes) -> KernelCall:
        """The exponentials of all 256 distances as a table: a code's exponential depends on nothing else."""
        shape = site.inputs[0]
        fields = (("rows", elem_count(shape[:-1])), ("count", shape[-1]))
        table = CArray("exponentials", freeze(op.exponentials(), "int32"), "e^(-d * scale) in Q0.31")
        return KernelCall(self.kernel, fields, (table,))


PORTABLE: tuple[AnyVariant, ...] = (
    PortableConv(),
    PortableDepthwise(),
    PortableLinear(),
    PortableMaxPool(),
    PortableAveragePool(),
    PortableMean(),
    PortableSoftmax(),
    *ELEMENTWISE,
    *MOVES,
)

"""Kernels for cores with DSP instructions (Armv7E-M, Armv8-M with DSP): two products per instruction."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import Array, Int8, elem_count, freeze
from mcuq.kernels.dsp_depthwise import Depthwise3x3, DspDepthwise
from mcuq.kernels.dsp_paired import PairedConv, PairedLinear
from mcuq.kernels.dsp_requant import scale_refusal
from mcuq.kernels.dsp_weighted import (
    Fields,
    channel_arrays,
    channels_refusal,
    clamp_fields,
    exact_channels,
    round_up,
    small_refusal,
    window_fields,
)
from mcuq.kernels.portable import PortableMean
from mcuq.kernels.variant import AnyVariant, StepShapes, Variant
from mcuq.ops.arithmetic import AddStep
from mcuq.ops.conv import ConvStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.pool import MeanStep


class GemmConv(Variant[ConvStep]):
    """Convolution as a matrix product, 2 output channels by 4 pixels at a time."""

    kernel: ClassVar[str] = "mcuq_conv2d_s8_gemm"
    step_op = ConvStep

    def refuse(self, op: ConvStep, site: StepShapes) -> str | None:
        """Dense, not dilated, and every channel within the shortcut's conditions."""
        if op.groups != 1:
            return f"it has {op.groups} groups, the kernel takes dense convolutions"
        if op.window.dilations != (1, 1):
            return f"it is dilated by {op.window.dilations}, the kernel takes windows without gaps"
        return channels_refusal(op.params)

    def call(self, op: ConvStep, site: StepShapes) -> KernelCall:
        """Rows of the window filled up to a multiple of 4, two channels interleaved."""
        x, y = site.inputs[0], site.output
        channels = exact_channels(op.params)
        packed = pack_pairs(channels.weights)
        row = round_up(op.window.kernel[1] * x[3], 4)
        fields: Fields = (
            *zip(("n", "in_h", "in_w", "in_c"), x, strict=True),
            *zip(("out_h", "out_w", "out_c"), y[1:], strict=True),
            *window_fields(op.window, with_dilation=False),
            ("row_c", row),
            ("x_zero_point", op.params.x_zero_point),
            *clamp_fields(op.params),
        )
        arrays = channel_arrays(
            channels, packed, f"weights {list(op.params.weights.shape)}, two channels interleaved"
        )
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=(8 * op.window.kernel[0] + 1) * row)


def pack_pairs(weights: Int8) -> Int8:
    """`[M, KH, KW, C]` as `[M / 2, KH, row / 4, 8]`: two channels as a0 b0 a2 b2, a1 b1 a3 b3."""
    m, kh, kw, c = weights.shape
    rows: Array = np.zeros((round_up(m, 2), kh, round_up(kw * c, 4)), np.int8)
    rows[:m, :, : kw * c] = weights.reshape(m, kh, kw * c)
    # Code k of four is 2 j + half: the halves 0 and 2 meet in one word, 1 and 3 in the next.
    split = rows.reshape(len(rows) // 2, 2, kh, -1, 2, 2)
    return np.ascontiguousarray(split.transpose(0, 2, 3, 5, 4, 1))


class DspLinear(Variant[LinearStep]):
    """Fully connected, four outputs share the expanded input."""

    kernel: ClassVar[str] = "mcuq_linear_s8_dsp"
    step_op = LinearStep

    def refuse(self, op: LinearStep, site: StepShapes) -> str | None:
        """Enough products, and the shortcut's conditions."""
        return small_refusal(op) or channels_refusal(op.params)

    def call(self, op: LinearStep, site: StepShapes) -> KernelCall:
        """Four channels interleaved, the input's length filled up to a multiple of 8."""
        channels = exact_channels(op.params)
        m, k = op.params.weights.shape
        wide = round_up(k, 8)
        fields: Fields = (
            ("rows", elem_count(site.inputs[0][:-1])),
            ("in_c", k),
            ("wide_c", wide),
            ("out_c", m),
            *clamp_fields(op.params),
        )
        arrays = channel_arrays(
            channels, pack_fours(channels.weights), f"weights {[m, k]}, four channels interleaved"
        )
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=2 * wide)


def pack_fours(weights: Int8) -> Int8:
    """`[M, K]` as `[M / 4, K / 4, 16]`: a0 b0 a2 b2, c0 d0 c2 d2, a1 b1 a3 b3, c1 d1 c3 d3."""
    m, k = weights.shape
    wide: Array = np.zeros((round_up(m, 4), round_up(k, 8)), np.int8)
    wide[:m, :k] = weights
    split = wide.reshape(len(wide) // 4, 2, 2, -1, 2, 2)  # group, pair, channel, four, j, half
    return np.ascontiguousarray(split.transpose(0, 3, 5, 1, 4, 2))


class TableAdd(Variant[AddStep]):
    """Addition of equal shapes from two tables."""

    kernel: ClassVar[str] = "mcuq_add_s8_table"
    step_op = AddStep
    min_count: ClassVar[int] = 512  # below, the tables cost more flash than they are worth

    def refuse(self, op: AddStep, site: StepShapes) -> str | None:
        """Equal shapes, enough elements, and the shortcut's conditions."""
        if len({*site.inputs, site.output}) > 1:
            return f"the shapes differ: {', '.join(map(str, site.inputs))}"
        if elem_count(site.output) < self.min_count:
            return f"{elem_count(site.output)} elements are too few for two tables of 1 KiB"
        if max(abs(int(op.operand_table(i)[j])) for i in (0, 1) for j in (0, -1)) >= 2**29:
            return "the operands' sums reach 2^30"
        return scale_refusal(op.y_requant)

    def call(self, op: AddStep, site: StepShapes) -> KernelCall:
        """Twice what each code of an operand adds: the doubling that the product needs is done."""
        fields: Fields = (
            ("count", elem_count(site.output)),
            ("multiplier", op.y_requant.multiplier[0]),
            ("right", -op.y_requant.shift[0]),
            ("y_zero_point", op.y_zero_point),
            ("lo", op.lo),
            ("hi", op.hi),
        )
        arrays = tuple(
            CArray(
                f"{name}_table", freeze(2 * op.operand_table(index), "int32"), f"twice the addends of {name}"
            )
            for index, name in enumerate("ab")
        )
        return KernelCall(self.kernel, fields, arrays)


class DspMean(PortableMean):
    """Mean over windows inside the image, four channels at a time."""

    kernel: ClassVar[str] = "mcuq_mean_s8_dsp"

    def refuse(self, op: MeanStep, site: StepShapes) -> str | None:
        """At least four channels."""
        channels = site.inputs[0][3]
        return None if channels >= 4 else f"it has {channels} channels, the kernel takes 4 or more"


ARMV7EM: tuple[AnyVariant, ...] = (
    PairedConv(),
    GemmConv(),
    Depthwise3x3(),
    DspDepthwise(),
    PairedLinear(),
    DspLinear(),
    TableAdd(),
    DspMean(),
)

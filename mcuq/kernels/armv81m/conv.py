"""Convolutions for cores with vector instructions."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall, KernelWalk
from mcuq.ir.types import DType, elem_count, freeze
from mcuq.kernels.armv81m.requantize import (
    LANES,
    NEEDS_MVE,
    channel_array,
    chunk_codes,
    code_fields,
    is_narrow,
    is_slow,
    mixed_fields,
    mixed_refusal,
    narrow_refusal,
    pack_channels,
    pack_weights,
    rounding_refusal,
)
from mcuq.kernels.fields import Fields, image_fields, window_fields
from mcuq.kernels.portable.mixed import NarrowToWide, WideToNarrow, WideToWide
from mcuq.kernels.terms import count_windows
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.kernels.walks import read_meanwhile, sized, window_walk
from mcuq.ops.conv import ConvStep

# Of channels in a group: copies of fewer take longer than products one by one do elsewhere, up to four times.
_LEAST_DEPTH = 8


class VectorConv(Variant[ConvStep]):
    """Convolution as a matrix product, 4 output channels by 2 pixels at a time; any window, any groups."""

    kernel: ClassVar[str] = "mcuq_conv2d_s8_mve"
    needs: ClassVar[tuple[str, ...]] = NEEDS_MVE
    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT8, DType.INT4)

    def refuse(self) -> str | None:
        """Whatever is rounded twice, but for groups whose taps are copied a few codes at a time."""
        depth = self.shapes.inputs[0][3] // self.op.groups
        if self.op.groups > 1 and depth < _LEAST_DEPTH:
            return f"its groups are {depth} channels deep, the kernel takes {_LEAST_DEPTH} or more"
        return rounding_refusal(self.op.params.requant) or narrow_refusal(self.op.params)

    def _walks(self) -> tuple[KernelWalk, ...]:
        """Windows of two pixels are read before these are written, or while they are where they stay in x."""
        if self.op.groups > 1:
            return ()
        walks = window_walk(self.op.window, self.shapes.inputs[0], self.shapes.output, pixels=2)
        return tuple(read_meanwhile(walk) for walk in walks) if self._is_whole else walks

    @property
    def _is_whole(self) -> bool:
        """Whether the codes of a window lie together in x."""
        (kh, kw), width = self.op.window.kernel, self.shapes.inputs[0][2]
        dh, dw = self.op.window.dilations
        columns = kw == 1 or dw == 1
        return self.op.groups == 1 and columns and (kh == 1 or (kw == width and dh == 1))

    def _border(self) -> int:
        """Windows of an image that leave it."""
        return count_windows(self.op.window, self.shapes.inputs[0], self.shapes.output)[1]

    def _end_fields(self) -> Fields:
        """How weights are kept, and how sums become codes."""
        return (("is_narrow", int(is_narrow(self.op.params))), *code_fields(self.op.params))

    def call(self) -> KernelCall:
        """Four channels interleaved, a vector of codes of each in turn."""
        op, x, y = self.op, self.shapes.inputs[0], self.shapes.output
        filters, depth = y[3] // op.groups, x[3] // op.groups
        codes = op.window.kernel[0] * op.window.kernel[1] * depth
        channels = pack_channels(op.params, op.groups)
        packed = pack_weights(op.params, op.groups)
        fields: Fields = (
            *image_fields(x, y, "in_c"),
            ("out_c", y[3]),
            ("groups", op.groups),
            ("depth", depth),
            ("filters", filters),
            *window_fields(op.window, with_dilation=True),
            ("is_whole", int(self._is_whole)),
            ("weights_step", packed[0].size),
            ("channels_step", channels[0].size),
            *self._end_fields(),
        )
        comment = f"weights {list(op.params.weights.shape)}, four channels in turn"
        arrays = (CArray("weights", freeze(packed.reshape(-1)), comment), channel_array(channels))
        is_direct = self._is_whole and self._border() == 0
        # A kernel with scratch is always handed some.
        scratch = LANES if is_direct else 2 * codes * op.params.x_type.itemsize
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=scratch, walks=self._walks())

    def terms(self) -> Terms:
        """Blocks of two pixels and four channels, whose codes are taken 16 at a time."""
        op, x, y = self.op, self.shapes.inputs[0], self.shapes.output
        count, border, _ = count_windows(op.window, x, y)
        (kh, kw), depth = op.window.kernel, x[3] // op.groups
        codes, chunk = kh * kw * depth, chunk_codes(op.params)
        images = x[0] * op.groups
        blocks = images * -(-count // 2) * -(-(y[3] // op.groups) // LANES)
        is_dense = op.groups == 1 and op.window.dilations[1] == 1
        apart = count if not is_dense else border
        rows = 0 if self._is_whole else images * (count - apart) * kh
        edge_rows = images * apart * kh
        taps = 1 if is_dense else kw
        return {
            "block_chunks": blocks * (codes // chunk),
            "block_rests": blocks * (codes % chunk > 0),
            "blocks": blocks,
            "rows": rows,
            "row_chunks": rows * -(-kw * depth // chunk),
            "edges": images * apart,
            "edge_rows": edge_rows,
            "edge_taps": edge_rows * taps,
            "edge_chunks": edge_rows * taps * -(-kw * depth // taps // chunk),
            "pixels": images * count,
            "lines": images * y[1],
            "calls": 1,
        }


class _MixedVectorConv(VectorConv):
    """The same with an input or output of int16, and groups of any depth: elsewhere they take longer."""

    def refuse(self) -> str | None:
        """Of int16 inputs nothing; of int8 ones what is not rounded twice."""
        return mixed_refusal(self.op.params)

    def _walks(self) -> tuple[KernelWalk, ...]:
        """In bytes."""
        return sized(super()._walks(), self.shapes)

    def _end_fields(self) -> Fields:
        return mixed_fields(self.op.params)

    def terms(self) -> Terms:
        """Codes that are computed one by one are counted as well."""
        slow = elem_count(self.shapes.output) * is_slow(self.op.params)
        return {**super().terms(), "slow": slow}


class WideVectorConv(WideToWide, _MixedVectorConv):
    """From int16 to int16."""

    kernel: ClassVar[str] = "mcuq_conv2d_s16_mve"


class NarrowingVectorConv(WideToNarrow, _MixedVectorConv):
    """From int16 to int8."""

    kernel: ClassVar[str] = "mcuq_conv2d_s16_s8_mve"


class WideningVectorConv(NarrowToWide, _MixedVectorConv):
    """From int8 to int16."""

    kernel: ClassVar[str] = "mcuq_conv2d_s8_s16_mve"


VARIANTS: tuple[VariantType, ...] = (VectorConv, WideVectorConv, NarrowingVectorConv, WideningVectorConv)

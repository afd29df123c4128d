"""Transposed convolutions for DSP cores."""

from __future__ import annotations

import math
from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import elem_count
from mcuq.kernels.armv7em.requantize import NEEDS
from mcuq.kernels.armv7em.weighted import scale_arrays
from mcuq.kernels.fields import Fields, image_fields, round_up
from mcuq.kernels.portable.transposed_conv import stamp_fields
from mcuq.kernels.portable.weighted import code_fields
from mcuq.kernels.terms import limited
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.ops.transposed_conv import TransposedConvStep

_ROOM = 3  # times the tensors: as much may be lines


class LinesTransposedConv(Variant[TransposedConvStep]):
    """Outputs that lie a stride apart as a convolution along lines, for each place between them."""

    kernel: ClassVar[str] = "mcuq_transposed_conv2d_s8_lines"
    needs: ClassVar[tuple[str, ...]] = NEEDS

    def refuse(self) -> str | None:
        """Taps that meet neighbouring columns, and lines that are not much larger than the tensors."""
        stride, dilation = self.op.stamp.strides[1], self.op.stamp.dilations[1]
        if stride % dilation != 0:
            return f"a column's taps are {dilation} apart at stride {stride}, the kernel takes divisors of it"
        tensors = elem_count(self.shapes.inputs[0]) + elem_count(self.shapes.output)
        if 4 * self.words > max(_ROOM * tensors, 4096):
            return f"its lines take {4 * self.words} bytes, {_ROOM} times the tensors are {_ROOM * tensors}"
        return None

    @property
    def depth(self) -> int:
        """Channels of a group."""
        depth: int = self.op.params.weights.shape[3]
        return depth

    @property
    def tap_steps(self) -> tuple[int, int]:
        """Taps from one that meets an input to the next one, by axis."""
        pairs = zip(self.op.stamp.strides, self.op.stamp.dilations, strict=True)
        rows, cols = (stride // math.gcd(stride, dilation) for stride, dilation in pairs)
        return rows, cols

    def columns(self) -> list[tuple[int, int]]:
        """Of each class of columns: how many taps it meets, and where its first output meets the first."""
        stamp = self.op.stamp
        found = []
        for first in range(stamp.strides[1]):
            place = first + stamp.pads[1]
            taps = range(stamp.kernel[1])
            meeting = [tap for tap in taps if (place - tap * stamp.dilations[1]) % stamp.strides[1] == 0]
            at = (place - meeting[0] * stamp.dilations[1]) // stamp.strides[1] if meeting else 0
            found.append((len(meeting), at))
        return found

    @property
    def border(self) -> int:
        """Codes in front of a line."""
        return max(0, *(count - 1 - at for count, at in self.columns() if count), 0)

    @property
    def line(self) -> int:
        """Codes of a line: what the image has, or outputs reach over."""
        outputs = -(-self.shapes.output[2] // self.op.stamp.strides[1])
        last = max(at + outputs for _, at in self.columns())
        return round_up(self.border + max(self.shapes.inputs[0][2], last) + 2, 2)

    @property
    def words(self) -> int:
        """Of the scratch buffer: a filter, places, lines, and what three outputs more would read."""
        kernel, (row_step, col_step) = self.op.stamp.kernel, self.tap_steps
        taps = self.depth * -(-kernel[0] // row_step)
        wide = (-(-kernel[1] // col_step) + 1) // 2
        height = -(-self.shapes.output[1] // self.op.stamp.strides[0])
        codes = self.depth * (self.shapes.inputs[0][1] + 1) * self.line + 8
        return round_up(taps * (wide + height) + -(-codes // 2), 4)

    def call(self) -> KernelCall:
        """Weights as they are, `[M][KH][KW][C / groups]`."""
        op, weights, x = self.op, self.op.params.weights, self.shapes.inputs[0]
        stamp = dict(stamp_fields(op.stamp))
        del stamp["back_step_w"]
        fields: Fields = (
            *image_fields(x, self.shapes.output, "in_c"),
            ("out_c", len(weights)),
            ("depth", self.depth),
            ("filters", len(weights) // op.groups),
            *stamp.items(),
            ("border", self.border),
            ("line", self.line),
            ("words", self.words),
            *code_fields(op.params),
        )
        packed = CArray("weights", weights.reshape(-1), f"weights {list(weights.shape)}")
        arrays = (packed, CArray("bias", op.params.bias, "bias"), *scale_arrays(op.params))
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=4 * self.words)

    def terms(self) -> Terms:
        """Blocks of four outputs of a class, and what is spread out of x and of weights."""
        x, y, (row_step, _) = self.shapes.inputs[0], self.shapes.output, self.tap_steps
        taps = self.depth * -(-self.op.stamp.kernel[0] // row_step)
        pairs = blocks = 0
        for first, (count, _) in enumerate(self.columns()[: y[2]]):
            outputs = -(-(y[2] - first) // self.op.stamp.strides[1])
            some = -(-outputs // 4)
            blocks += some
            pairs += some * max((count + 1) // 2, 1)
        rows, classes = x[0] * y[1] * y[3], min(self.op.stamp.strides[1], y[2])
        filters = x[0] * y[3] * min(self.op.stamp.strides[0], y[1]) * classes
        return {
            "pairs": rows * taps * pairs,
            "block_rows": rows * taps * blocks,
            "blocks": rows * blocks,
            "rows": rows * classes,
            "filters": filters,
            "weights": filters * taps * -(-self.op.stamp.kernel[1] // self.tap_steps[1]),
            "codes": elem_count(x),
            "words": self.words,
            "limited": limited(self.op.params, elem_count(y)),
            "calls": 1,
        }


VARIANTS: tuple[VariantType, ...] = (LinesTransposedConv,)

"""Transposed convolutions for DSP cores."""

from __future__ import annotations

import math
from collections import Counter
from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import elem_count
from mcuq.kernels.armv7em.lines import MOST_BEHIND, LineRow
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
        """Lines that are not much larger than the tensors."""
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

    @property
    def wide(self) -> int:
        """Channels of a line: codes of two lie side by side where a group has several."""
        return min(self.depth, 2)

    @property
    def units(self) -> int:
        """Lines of a row of a group."""
        return -(-self.depth // self.wide)

    @property
    def back_step(self) -> int:
        """Columns from one tap's to the next one's."""
        stride, dilation = self.op.stamp.strides[1], self.op.stamp.dilations[1]
        return dilation // math.gcd(stride, dilation)

    def rows(self) -> list[int]:
        """Of each class of rows of outputs: how many taps it meets."""
        return [count for count, _ in self._meetings(0)]

    def columns(self) -> list[tuple[int, int]]:
        """Of each class of columns: how many taps it meets, and where its first output meets the first."""
        return self._meetings(1)

    def _meetings(self, axis: int) -> list[tuple[int, int]]:
        stamp = self.op.stamp
        stride, dilation = stamp.strides[axis], stamp.dilations[axis]
        found = []
        for first in range(min(stride, self.shapes.output[1 + axis])):
            place = first + stamp.pads[axis]
            meeting = [tap for tap in range(stamp.kernel[axis]) if (place - tap * dilation) % stride == 0]
            at = (place - meeting[0] * dilation) // stride if meeting else 0
            found.append((len(meeting), at))
        return found

    def line_row(self, taps: int) -> LineRow:
        """How a row of a class' taps is computed; one without taps as one of a zero."""
        return LineRow.of(max(taps, 1), self.wide, 1, self.back_step)

    @property
    def pairs(self) -> int:
        """The most words of a filter's weights."""
        rows = (self.line_row(count) for count, _ in self.columns())
        return self.units * max(*self.rows(), 1) * max(row.pieces * row.pairs for row in rows)

    @property
    def places(self) -> int:
        """The most pieces of a filter's rows, for all rows of outputs of a class."""
        height = -(-self.shapes.output[1] // self.op.stamp.strides[0])
        pieces = max(self.line_row(count).pieces for count, _ in self.columns())
        return height * self.units * max(*self.rows(), 1) * pieces

    @property
    def border(self) -> int:
        """Columns in front of a line."""
        return max(0, *((count - 1) * self.back_step - at for count, at in self.columns() if count), 0)

    @property
    def line(self) -> int:
        """Columns of a line: what the image has, or outputs reach over."""
        outputs = -(-self.shapes.output[2] // self.op.stamp.strides[1])
        last = max(at + outputs for _, at in self.columns())
        return round_up(self.border + max(self.shapes.inputs[0][2], last) + 2, 2)

    @property
    def words(self) -> int:
        """Of the scratch buffer: a filter, places, lines, and what three outputs more would read."""
        columns = self.units * (self.shapes.inputs[0][1] + 1) * self.line + MOST_BEHIND
        return round_up(self.pairs + self.places + -(-self.wide * columns // 2), 4)

    def call(self) -> KernelCall:
        """Weights as they are, `[M][KH][KW][C / groups]`."""
        op, weights, x = self.op, self.op.params.weights, self.shapes.inputs[0]
        fields: Fields = (
            *image_fields(x, self.shapes.output, "in_c"),
            ("out_c", len(weights)),
            ("depth", self.depth),
            ("filters", len(weights) // op.groups),
            *stamp_fields(op.stamp),
            ("wide", self.wide),
            ("units", self.units),
            ("border", self.border),
            ("line", self.line),
            ("pairs", self.pairs),
            ("places", self.places),
            ("words", self.words),
            *code_fields(op.params),
        )
        packed = CArray("weights", weights.reshape(-1), f"weights {list(weights.shape)}")
        arrays = (packed, CArray("bias", op.params.bias, "bias"), *scale_arrays(op.params))
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=4 * self.words)

    def terms(self) -> Terms:
        """Blocks of four outputs of a class, and what is spread out of x and of weights."""
        x, y, stamp = self.shapes.inputs[0], self.shapes.output, self.op.stamp
        found: Counter[str] = Counter()
        for i, rows in enumerate(self.rows()):
            height = x[0] * -(-(y[1] - i) // stamp.strides[0])
            for j, (cols, _) in enumerate(self.columns()):
                row = self.line_row(cols if rows else 0)
                taps = rows * cols * self.units
                places = max(rows * bool(cols) * self.units, 1) * row.pieces
                blocks = height * y[3] * -(-(y[2] - j) // (4 * stamp.strides[1]))
                found.update(row.terms(blocks * places))
                found["blocks"] += blocks
                found["rows"] += height * y[3]
                found["filters"] += x[0] * y[3]
                found["weights"] += x[0] * y[3] * taps
                found["places"] += height * self.op.groups * places
        return {
            **found,
            "codes": elem_count(x),
            "words": self.words,
            "limited": limited(self.op.params, elem_count(y)),
            "calls": 1,
        }


VARIANTS: tuple[VariantType, ...] = (LinesTransposedConv,)

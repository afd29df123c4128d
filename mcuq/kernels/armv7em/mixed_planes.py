"""Depthwise convolutions whose input or output is int16, for DSP cores: two channels at a time."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import DType, elem_count, freeze
from mcuq.kernels.armv7em.mixed import channel_words, end_fields, pairs_refusal
from mcuq.kernels.armv7em.requantize import NEEDS
from mcuq.kernels.portable.depthwise import PlaneDepthwise
from mcuq.kernels.portable.weighted import code_fields
from mcuq.kernels.walks import row_walk, sized


class MixedPlanes(PlaneDepthwise):
    """Two channels at a time from a plane of their codes, four outputs of a line at a time."""

    needs: ClassVar[tuple[str, ...]] = NEEDS
    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT8, DType.INT4)
    channel_multiple: ClassVar[int] = 2

    def refuse(self) -> str | None:
        """Channels in twos, of one filter each, and sums in 32 bits."""
        return pairs_refusal(self.op.params, self.shapes.inputs[0][3])

    def call(self) -> KernelCall:
        """Weights of two channels side by side, `[M / 2][lines][taps of a line][2]`."""
        op, x, y = self.op, self.shapes.inputs[0], self.shapes.output
        lines, along = self.axes()
        weights = op.params.weights[..., 0]
        if lines.axis == 1:
            weights = weights.transpose(0, 2, 1)
        pairs = weights.reshape(-1, 2, *weights.shape[1:]).transpose(0, 2, 3, 1)
        plain = [field for field in PlaneDepthwise.call(self).fields if field[0] != "per_channel"]
        fields = (*plain[: -len(code_fields(op.params))], *end_fields(op.params))
        packed = CArray("weights", freeze(pairs.reshape(-1)), f"weights {list(pairs.shape)}")
        scratch = 4 * (weights[0].size + lines.reach * along.reach + 3 * along.stride)
        # Whole images, two channels in turn: a lane is a pixel.
        walks = row_walk(x[0], elem_count(x[1:]), elem_count(y[1:]))
        size = max(self.shapes.input_types[0].itemsize, self.shapes.output_types[0].itemsize)
        is_alike = self.shapes.input_types == self.shapes.output_types
        return KernelCall(
            self.kernel,
            fields,
            (packed, channel_words(op.params, 2)),
            scratch_bytes=scratch,
            walks=sized(walks, self.shapes, lane=size * x[3]) if is_alike else (),
        )

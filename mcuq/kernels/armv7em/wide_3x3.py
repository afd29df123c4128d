"""Depthwise convolutions of 3x3 from int16 to int16, for DSP cores: from planes of two channels."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import elem_count, freeze
from mcuq.kernels.armv7em.mixed import channel_words, doubled_bias, end_fields, pairs_refusal
from mcuq.kernels.armv7em.requantize import NEEDS
from mcuq.kernels.fields import Fields
from mcuq.kernels.portable.depthwise import PlaneDepthwise
from mcuq.kernels.variant import Terms
from mcuq.kernels.walks import row_walk, sized

_BEHIND_WORDS = 4  # of a plane, which the last outputs of a line by fours may read
_END = ("y_zero_point", "x_zero_point")
_ABSENT = ("per_channel", "kernel_lines", "kernel_l", "dilation_l", "plane_l")


class PairedPlanes(PlaneDepthwise):
    """Four outputs of a line at a time, their windows from pairs of neighbours."""

    needs: ClassVar[tuple[str, ...]] = NEEDS
    channel_multiple: ClassVar[int] = 2

    def refuse(self) -> str | None:
        """3x3 at stride 1 or 2 and without gaps along lines, channels in twos, and sums in 32 bits."""
        along = self.axes()[1]
        window = self.op.window
        if window.kernel != (3, 3) or along.stride > 2 or along.dilation != 1:
            return (
                f"the window is {window.kernel} at strides {window.strides}, dilated by {window.dilations}, "
                "the kernel takes 3x3 at stride 1 or 2 without gaps along the axis of more outputs"
            )
        return pairs_refusal(self.op.params, self.shapes.inputs[0][3])

    def call(self) -> KernelCall:
        """Weights `[M][3][3]`, lines first; planes of two channels."""
        op, x, y = self.op, self.shapes.inputs[0], self.shapes.output
        lines, along = self.axes()
        weights = op.params.weights[..., 0]
        if lines.axis == 1:
            weights = weights.transpose(0, 2, 1)
        words = -(-along.reach // 2)
        plain = dict(PlaneDepthwise.call(self).fields)
        ends = dict(end_fields(op.params))
        kept = [field for field in plain.items() if field[0] not in (*_ABSENT, *_END, *ends)]
        fields: Fields = (
            *kept,
            ("plane_words", words),
            *(field for field in ends.items() if field[0] not in _END),
        )
        packed = CArray("weights", freeze(weights.reshape(-1)), f"weights {list(weights.shape)}")
        # Whole images, two channels in turn: a lane is a pixel.
        walks = row_walk(x[0], elem_count(x[1:]), elem_count(y[1:]))
        return KernelCall(
            self.kernel,
            fields,
            (packed, doubled_bias(channel_words(op.params, 2))),
            scratch_bytes=8 * (lines.reach * words + _BEHIND_WORDS),
            walks=sized(walks, self.shapes, lane=2 * x[3]),
        )

    def terms(self) -> Terms:
        """Planes that are filled, lines, outputs by fours."""
        x, y = self.shapes.inputs[0], self.shapes.output
        lines, along = self.axes()
        planes = x[0] * x[3]
        pairs = planes // 2
        ends = dict(end_fields(self.op.params))
        mine = f"_stride_{along.stride}"
        return {
            f"fours{mine}": planes * lines.outputs * -(-along.outputs // 4),
            f"lines{mine}": planes * lines.outputs,
            "copied": pairs * min(lines.size, lines.reach) * min(along.size, along.reach),
            "copied_lines": pairs * min(lines.size, lines.reach),
            "planes": planes,
            "slow": elem_count(y) * ends["is_slow"],
            "calls": 1,
        }

"""Convolutions whose input or output is int16, for DSP cores: matrix products of windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import DType, Int8, elem_count, freeze
from mcuq.kernels.armv7em.matrix_conv import MatrixConv
from mcuq.kernels.armv7em.mixed import channel_words, end_fields, fast_runs, long_refusal, pack_two
from mcuq.kernels.fields import Fields, round_up, window_fields
from mcuq.kernels.portable.weighted import code_fields
from mcuq.kernels.terms import count_windows
from mcuq.kernels.variant import Terms
from mcuq.kernels.walks import sized, window_walk


class MixedGemmConv(MatrixConv):
    """Convolution as a matrix product, 2 output channels by 4 pixels at a time."""

    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT8, DType.INT4)

    def refuse(self) -> str | None:
        """Dense, not dilated, and sums in 32 bits."""
        return self.window_refusal() or long_refusal(self.op.params)

    def call(self) -> KernelCall:
        """Rows of int16 filled up to a multiple of 2, all to one of 4, two channels interleaved."""
        op, (x, y) = self.op, self.images()
        m, kh, kw, c = op.params.weights.shape
        is_wide = op.params.x_type is DType.INT16
        row = round_up(kw * c, 2) if is_wide else kw * c
        rows: Int8 = np.zeros((m, kh, row), np.int8)
        rows[:, :, : kw * c] = op.params.weights.reshape(m, kh, kw * c)
        wide = round_up(kh * row, 4)
        whole: Int8 = np.zeros((m, wide), np.int8)
        whole[:, : kh * row] = rows.reshape(m, -1)
        if not is_wide:
            # As codes of int8 are expanded: 0 and 2 before 1 and 3 of four.
            whole = whole.reshape(m, -1, 2, 2).swapaxes(2, 3).reshape(m, -1)
        fields: Fields = (
            *zip(("n", "in_h", "in_w", "in_c"), x, strict=True),
            *zip(("out_h", "out_w", "out_c"), y[1:], strict=True),
            ("kernel_h", kh),
            ("kernel_w", kw),
            ("row_c", row),
            ("wide_c", wide),
            *window_fields(op.window, with_dilation=False)[2:],
            *code_fields(op.params),
        )
        comment = f"weights {list(op.params.weights.shape)}, two channels interleaved"
        packed = CArray("weights", freeze(pack_two(whole).reshape(-1)), comment)
        arrays = (packed, channel_words(op.params, 2), fast_runs(op.params, 2, has_part=False))
        walks = sized(window_walk(op.window, x, y, pixels=4), self.shapes)
        scratch = 8 * (wide + y[3]) + (0 if is_wide else 4 * wide + 16)
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=scratch, walks=walks)

    def terms(self) -> Terms:
        """Two channels by four pixels; what is left over of four pixels is requantized in full."""
        op, (x, y) = self.op, self.images()
        count, border, _ = count_windows(op.window, x, y)
        rows = op.window.kernel[0]
        taps = round_up(rows * round_up(op.window.kernel[1] * x[3], 2), 4)
        fours, pairs = x[0] * -(-count // 4), -(-y[3] // 2)
        is_slow = dict(end_fields(op.params))["is_slow"]
        return {
            "block_codes": fours * pairs * taps,
            "blocks": fours * pairs,
            "window_codes": x[0] * count * taps,
            "window_rows": x[0] * count * rows,
            "windows": x[0] * count,
            "border_codes": x[0] * border * taps,
            "slow": elem_count(y) if is_slow else x[0] * (count % 4) * y[3],
            "calls": 1,
        }

    def passes(self) -> Mapping[str, int]:
        """All weights for four pixels."""
        return dict.fromkeys(("weights", "channels"), self.rounds())

    def rounds(self) -> int:
        """Windows are gathered, then multiplied, four at a time."""
        n, h, w, _ = self.images()[1]
        return n * -(-h * w // 4)

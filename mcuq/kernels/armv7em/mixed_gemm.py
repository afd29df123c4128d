"""Convolutions whose input or output is int16, for DSP cores: matrix products of windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import DType, Int8, elem_count, freeze
from mcuq.kernels.armv7em.matrix_conv import MatrixConv
from mcuq.kernels.armv7em.mixed import (
    channel_words,
    doubled_bias,
    end_fields,
    fast_runs,
    has_fast_end,
    long_refusal,
    pack_two,
)
from mcuq.kernels.armv7em.quads import pack_signed_quads
from mcuq.kernels.fields import Fields, round_up, window_fields
from mcuq.kernels.portable.weighted import code_fields
from mcuq.kernels.terms import count_windows
from mcuq.kernels.variant import Terms
from mcuq.kernels.walks import sized, window_walk
from mcuq.ops.weighted import WeightedParams

# 16 times a sum below it stays in 32 bits.
_SECOND = 2**27


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
        walks = sized(window_walk(op.window, x, y, pixels=4), self.shapes)
        scratch = 8 * wide + self._block_bytes() + (0 if is_wide else 4 * wide + 16)
        return KernelCall(self.kernel, fields, self._arrays(whole), scratch_bytes=scratch, walks=walks)

    def _arrays(self, weights: Int8) -> tuple[CArray, ...]:
        """What is read of each channel, from weights `[M, K]` as windows lie."""
        params = self.op.params
        comment = f"weights {list(params.weights.shape)}, two channels interleaved"
        packed = CArray("weights", freeze(pack_two(weights).reshape(-1)), comment)
        return packed, channel_words(params, 2), fast_runs(params, 2, has_part=False)

    def _block_bytes(self) -> int:
        """Of codes of fewer than four pixels."""
        return 8 * self.shapes.output[3]

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


class QuadMixedGemmConv(MixedGemmConv):
    """The same with weights of four bits, 4 output channels by 2 pixels at a time."""

    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT4,)

    def refuse(self) -> str | None:
        """As for others, and 16 times the sums of second channels stay in 32 bits."""
        return super().refuse() or _sums_refusal(self.op.params)

    def _arrays(self, weights: Int8) -> tuple[CArray, ...]:
        """Four channels in a halfword."""
        params = self.op.params
        comment = f"weights {list(params.weights.shape)}, four channels in a halfword"
        packed = CArray("weights", freeze(pack_signed_quads(weights)), comment)
        return packed, doubled_bias(channel_words(params, 4)), fast_runs(params, 4)

    def _block_bytes(self) -> int:
        return 0

    def terms(self) -> Terms:
        """Four channels by two pixels, which are added up first."""
        plain, (x, y) = super().terms(), self.images()
        twos, fours = x[0] * -(-y[1] * y[2] // 2), -(-y[3] // 4)
        mine = {
            "block_codes": twos * fours * (plain["block_codes"] // plain["blocks"]),
            "blocks": twos * fours,
            "slow": 0 if has_fast_end(self.op.params) else elem_count(y),
            "rest": twos * (y[3] % 4 != 0),
        }
        return {**plain, **mine}


def _sums_refusal(params: WeightedParams) -> str | None:
    """Why second channels of pairs cannot be taken out of sums that hold 16 times theirs, or None."""
    seconds = params.weights.reshape(len(params.weights), -1)[1::2].astype(np.int64)
    reach = -params.x_type.qmin * int(np.abs(seconds).sum(axis=1).max(initial=0))
    if reach < _SECOND:
        return None
    return f"sums of second channels may reach {reach}, the kernel separates those below {_SECOND}"

"""Convolutions along lines of one channel, for DSP cores: any groups, windows and scales."""

from __future__ import annotations

import dataclasses
import math

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import elem_count, freeze
from mcuq.kernels.armv7em.weighted import whole_channel_arrays
from mcuq.kernels.fields import Fields, image_fields, round_up, window_fields
from mcuq.kernels.portable.weighted import code_fields
from mcuq.kernels.terms import limited
from mcuq.kernels.variant import StepShapes, Terms
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window

_ROOM = 4  # one part in so many of the tensors may be lines of further rows
_FOUR = 4  # channels that are spread out at once; outputs that are computed at once


class Lines:
    """How a step with a window runs along lines.

    Args:
        window: its window.
        params: weights `[M, KH, KW, depth]` and scales.
        shapes: of the step.
    """

    def __init__(self, window: Window, params: WeightedParams, shapes: StepShapes) -> None:
        """Derive all sizes."""
        x, self.y = shapes.inputs[0], shapes.output
        if x[2] == self.y[2] == 1:
            # A column of pixels is a row of them: the same bytes, and a line runs along all.
            x, self.y = ((n, w, h, c) for n, h, w, c in (x, self.y))
            window, params = window.turned, _turned_weights(params)
        self.x, self.window, self.params = x, window, params
        self.kh, self.kw = window.kernel
        self.depth: int = params.weights.shape[3]
        self.groups = x[3] // self.depth
        self.lanes = min(max(_FOUR // self.depth, 1), self.groups) * self.depth
        dilation, stride = window.dilations[1], window.strides[1]
        common = math.gcd(dilation, stride)
        self.every, self.step = dilation // common, stride // common
        read = (self.y[2] - 1) * stride + (self.kw - 1) * dilation
        written = window.pads[1] + x[2] - 1
        # One code more, for the second one of a last pair.
        self.part = round_up(max(read, written) // dilation + 2, 2)
        self.pairs = (self.kw + 1) // 2
        self.band = self._highest_band((elem_count(x) + elem_count(self.y)) // _ROOM)

    def _highest_band(self, room_bytes: int) -> int:
        """Rows of outputs at a time: as many as fit, in bands of equal height."""
        row = 4 * self.depth * self.kh + self.window.strides[0] * self.line_bytes
        fits = 1 + room_bytes // row
        height: int = self.y[1]
        return -(-height // -(-height // fits))

    @property
    def extent(self) -> int:
        """Rows of the input that one of the output reaches over."""
        return (self.kh - 1) * self.window.dilations[0] + 1

    @property
    def line_bytes(self) -> int:
        """Of the lines of one row."""
        codes: int = self.lanes * self.window.dilations[1] * self.part
        return 2 * codes

    @property
    def lines(self) -> int:
        """Rows of the input that are held."""
        return self.extent + (self.band - 1) * self.window.strides[0]

    @property
    def words(self) -> int:
        """Of the scratch buffer: a filter, places, lines, and what three outputs more would read."""
        filters = self.depth * self.kh * (self.pairs + self.band)
        codes = (self.lines + 1) * self.line_bytes // 2 + 3 * self.step + 2
        return round_up(filters + -(-codes // 2), 4)

    def call(self, kernel: str) -> KernelCall:
        """Parameters, packed weights and scratch."""
        fields: Fields = (
            *image_fields(self.x, self.y, "in_c"),
            ("out_c", self.y[3]),
            ("depth", self.depth),
            ("filters", self.y[3] // self.groups),
            ("lanes", self.lanes),
            *window_fields(self.window, with_dilation=True),
            ("part", self.part),
            ("every", self.every),
            ("step", self.step),
            ("lines", self.lines),
            ("band", self.band),
            ("words", self.words),
            *code_fields(self.params),
        )
        comment = f"weights {list(self.params.weights.shape)}, channel by channel"
        arrays = (
            CArray("weights", freeze(self.params.weights.transpose(0, 3, 1, 2).reshape(-1)), comment),
            *whole_channel_arrays(self.params),
        )
        return KernelCall(kernel, fields, arrays, scratch_bytes=4 * self.words)

    def terms(self) -> Terms:
        """Blocks of four outputs of a row, and what is spread out of x and of weights."""
        rows = self.y[0] * self.y[1] * self.y[3]  # of one channel of y
        bands = self.y[0] * -(-self.y[1] // self.band) * self.y[3]
        counts = [-(-(self.y[2] - first) // self.every) for first in range(min(self.every, self.y[2]))]
        blocks = rows * sum(-(-count // _FOUR) for count in counts)
        reach = self.extent + (self.y[1] - 1) * self.window.strides[0]
        lines = self.x[0] * self.groups * self.depth * min(self.x[1], reach)
        fours = lines // self.lanes * (self.lanes // _FOUR)
        rest = lines // self.lanes * (self.lanes % _FOUR)
        return {
            "pairs": blocks * self.depth * self.kh * self.pairs,
            "block_rows": blocks * self.depth * self.kh,
            "blocks": blocks,
            "outputs": elem_count(self.y),
            "rows": rows * len(counts),
            "walks": bands * len(counts),
            "filters": bands,
            "weights": bands * self.depth * self.kh * self.pairs,
            "four_codes": fours * self.x[2],
            "fours": fours,
            "single_codes": rest * self.x[2],
            "singles": rest,
            "words": self.words,
            "limited": limited(self.params, elem_count(self.y)),
            "calls": 1,
        }


def _turned_weights(params: WeightedParams) -> WeightedParams:
    """Weights of the window that is turned."""
    return dataclasses.replace(params, weights=freeze(params.weights.transpose(0, 2, 1, 3)))

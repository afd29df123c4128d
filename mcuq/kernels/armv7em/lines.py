"""Convolutions along lines of one channel, for DSP cores: any groups, windows and scales."""

from __future__ import annotations

import dataclasses
import math

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import Shape, elem_count, freeze
from mcuq.kernels.armv7em.weighted import whole_channel_arrays
from mcuq.kernels.fields import Fields, image_fields, round_up, window_fields
from mcuq.kernels.portable.weighted import code_fields
from mcuq.kernels.terms import limited
from mcuq.kernels.variant import StepShapes, Terms
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window

_ROOM = 4  # one part in so many of the tensors may be lines of further rows
_FOUR = 4  # channels that are spread out at once; outputs that are computed at once
_NEAR_TAPS, _NEAR_WORDS = 4, 3  # in a row of outputs that read next to each other
_BLOCK_CYCLES, _ROW_CYCLES = 60, 40  # of four outputs and of a row of them, whatever the filter
MOST_BEHIND = 8  # codes of a channel that lie behind what four outputs need, and are read with it


@dataclasses.dataclass(frozen=True, slots=True)
class LineRow:
    """How a filter's row is computed: in pieces that one walk of `mcuq_lines_near.h` takes.

    Args:
        wide: channels of a line.
        step: columns between outputs.
        gap: columns between taps.
        taps: of a piece.
        pieces: of a row.
    """

    wide: int
    step: int
    gap: int
    taps: int
    pieces: int

    @classmethod
    def of(cls, taps: int, wide: int, step: int, gap: int) -> LineRow:
        """A row of so many taps.

        >>> LineRow.of(5, 1, 1, 1).taps, LineRow.of(7, 1, 2, 1).taps, LineRow.of(4, 2, 1, 3).pieces
        (3, 4, 4)
        """
        if gap > 1:
            return cls(wide, step, gap, 1, taps)
        words = taps if wide == 2 else -(-taps // 2)
        if wide * step == 1:
            pieces = -(-taps // _NEAR_TAPS)
            return cls(wide, step, gap, -(-taps // pieces), pieces)
        pieces = -(-words // _NEAR_WORDS) if wide * step == 2 else 1
        return cls(wide, step, gap, taps if pieces == 1 else -(-words // pieces) * (2 // wide), pieces)

    @property
    def pairs(self) -> int:
        """Words of weights of a piece."""
        return self.taps if self.wide == 2 else (self.taps + 1) // 2

    @property
    def piece_bytes(self) -> int:
        """From one piece to the next."""
        return 2 * self.wide * self.taps * self.gap

    @property
    def cycles(self) -> int:
        """Of four outputs of a row, about: what the loops of mcuq_lines_near.h and mcuq_lines_row.h take."""
        if self.wide * self.step > 2:
            return self.pieces * (16 * self.pairs + 14)
        return self.pieces * (13 + (4 * self.taps if self.wide * self.step == 1 else 6 * self.pairs))

    def terms(self, rows: int) -> Terms:
        """What so many pieces of four outputs are made of."""
        if self.wide * self.step == 1:
            return {"near_taps": rows * self.taps, "near_rows": rows}
        kind = "near_word" if self.wide * self.step == 2 else "far"
        return {f"{kind}_pairs": rows * self.pairs, f"{kind}_rows": rows}


class Lines:
    """How a step with a window runs along lines.

    Args:
        window: its window.
        params: weights `[M, KH, KW, depth]` and scales.
        shapes: of the step.
        is_turned: whether lines are columns of the images.
    """

    def __init__(
        self, window: Window, params: WeightedParams, shapes: StepShapes, is_turned: bool = False
    ) -> None:
        """Derive all sizes."""
        x, self.y = shapes.inputs[0], shapes.output
        self.strides = _strides(x, self.y)
        if is_turned:
            x, self.y = ((n, w, h, c) for n, h, w, c in (x, self.y))
            window = window.turned
            self.strides = tuple(each[::-1] for each in self.strides)
        self.is_turned = is_turned
        self.x, self.window, self.params = x, window, params
        self.kh, self.kw = window.kernel
        self.depth: int = params.weights.shape[3]
        self.groups = x[3] // self.depth
        self.lanes = min(max(_FOUR // self.depth, 1), self.groups) * self.depth
        # Codes of two channels lie side by side where a group has several: then no tap is without one.
        self.wide = min(self.depth, 2)
        self.units = -(-self.depth // self.wide)
        dilation, stride = window.dilations[1], window.strides[1]
        self.parts = min((1, dilation) if self.wide == 2 else (dilation,), key=self._row_cycles)
        self.every, self.step, self.row = self._split(self.parts)
        read = (self.y[2] - 1) * stride + (self.kw - 1) * dilation
        written = window.pads[1] + x[2] - 1
        # One code more, for the second one of a last pair.
        self.part = round_up(max(read, written) // self.parts + 2, 2)
        self.band = self._highest_band((elem_count(x) + elem_count(self.y)) // _ROOM)

    def _split(self, parts: int) -> tuple[int, int, LineRow]:
        """Outputs from one to the next one that reads its part, columns between them, rows of taps."""
        stride, dilation = self.window.strides[1], self.window.dilations[1]
        every = parts // math.gcd(parts, stride)
        step = stride * every // parts
        gap = dilation // parts if self.kw > 1 else 1
        return every, step, LineRow.of(self.kw, self.wide, step, gap)

    def _row_cycles(self, parts: int) -> int:
        """Of a row of outputs, about, for each line of a group: those of each part are computed by fours."""
        every, _, row = self._split(parts)
        return row.cycles * sum(-(-count // _FOUR) for count in self._counts(every))

    def _counts(self, every: int) -> list[int]:
        """Outputs of a row that read each part."""
        return [-(-(self.y[2] - first) // every) for first in range(min(every, self.y[2]))]

    def _highest_band(self, room_bytes: int) -> int:
        """Rows of outputs at a time: as many as fit, in bands of equal height."""
        row = 4 * self.places + self.window.strides[0] * self.line_bytes
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
        channels: int = self.lanes // self.depth * self.units * self.wide
        return 2 * channels * self.parts * self.part

    @property
    def places(self) -> int:
        """Pieces of a filter's rows."""
        count: int = self.units * self.kh * self.row.pieces
        return count

    @property
    def lines(self) -> int:
        """Rows of the input that are held."""
        return self.extent + (self.band - 1) * self.window.strides[0]

    @property
    def words(self) -> int:
        """Of the scratch buffer: a filter, places, lines, and what three outputs more would read."""
        filters = self.places * (self.row.pairs + self.band)
        codes = (self.lines + 1) * self.line_bytes // 2 + self.wide * (3 * self.step + MOST_BEHIND)
        return round_up(filters + -(-codes // 2), 4)

    @property
    def cycles(self) -> int:
        """About what all outputs of a filter take: blocks of four, rows of them, and lines to spread out."""
        counts = self._counts(self.every)
        blocks = sum(-(-count // _FOUR) for count in counts)
        height: int = self.y[1]
        row = blocks * (self.units * self.kh * self.row.cycles + _BLOCK_CYCLES) + len(counts) * _ROW_CYCLES
        lines: int = self.depth * self.x[1]
        return height * int(row) + lines * _ROW_CYCLES

    def call(self, kernel: str) -> KernelCall:
        """Parameters, packed weights and scratch."""
        fields: Fields = (
            *image_fields(self.x, self.y, "in_c"),
            ("out_c", self.y[3]),
            *zip(("x_row", "x_col"), self.strides[0], strict=True),
            *zip(("y_row", "y_col"), self.strides[1], strict=True),
            ("depth", self.depth),
            ("filters", self.y[3] // self.groups),
            ("lanes", self.lanes),
            *(each for each in window_fields(self.window, with_dilation=True) if each[0] != "dilation_w"),
            ("wide", self.wide),
            ("units", self.units),
            ("parts", self.parts),
            ("part", self.part),
            ("every", self.every),
            ("step", self.step),
            ("taps", self.row.taps),
            ("pairs", self.row.pairs),
            ("pieces", self.row.pieces),
            ("piece", self.row.piece_bytes),
            ("lines", self.lines),
            ("band", self.band),
            ("words", self.words),
            *code_fields(self.params),
        )
        weights = self.params.weights
        weights = freeze(weights.transpose(0, 2, 1, 3)) if self.is_turned else weights
        packed = CArray("weights", weights.reshape(-1), f"weights {list(weights.shape)}")
        arrays = (packed, *whole_channel_arrays(self.params))
        return KernelCall(kernel, fields, arrays, scratch_bytes=4 * self.words)

    def terms(self) -> Terms:
        """Blocks of four outputs of a row, and what is spread out of x and of weights."""
        rows = self.y[0] * self.y[1] * self.y[3]  # of one channel of y
        bands = self.y[0] * -(-self.y[1] // self.band) * self.y[3]
        counts = self._counts(self.every)
        blocks = rows * sum(-(-count // _FOUR) for count in counts)
        return {
            **self.row.terms(blocks * self.places),
            "blocks": blocks,
            "outputs": elem_count(self.y),
            "rows": rows * len(counts),
            "walks": bands * len(counts),
            "filters": bands,
            "weights": bands * self.depth * self.kh * self.kw,
            "places": self.places * self.y[0] * self.y[1] * (self.groups * self.depth // self.lanes),
            **self._spread_terms(),
            "words": self.words,
            "limited": limited(self.params, elem_count(self.y)),
            "calls": 1,
        }

    def _spread_terms(self) -> Terms:
        """Codes of four channels at a time, and of single ones."""
        reach = self.extent + (self.y[1] - 1) * self.window.strides[0]
        lines = self.x[0] * self.groups * self.depth * min(self.x[1], reach)
        fours = lines // self.lanes * (self.lanes // _FOUR)
        rest = lines // self.lanes * (self.lanes % _FOUR)
        return {
            "four_codes": fours * self.x[2],
            "fours": fours,
            "single_codes": rest * self.x[2],
            "singles": rest,
        }


def _strides(*images: Shape) -> tuple[tuple[int, int], ...]:
    """Codes from row to row, and from column to column."""
    return tuple((w * c, c) for _, _, w, c in images)


def find_lines(window: Window, params: WeightedParams, shapes: StepShapes) -> Lines:
    """Along rows or along columns, whichever has less to compute."""
    return min(
        (Lines(window, params, shapes, turned) for turned in (False, True)), key=lambda one: one.cycles
    )

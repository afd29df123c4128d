"""Long short-term memory that goes on from run to run, in the integers of TensorFlow Lite."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.columns import Along
from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.op import LoweringRefusal, Operand
from mcuq.ir.program import CodeRange, SeveralOutputsStep, require_types
from mcuq.ir.roles import WeightedInputs
from mcuq.ir.types import (
    Array,
    DType,
    Int16,
    Int32,
    Int64,
    QuantParams,
    Shape,
    freeze,
    require,
    require_codes,
)
from mcuq.ops import recurrent
from mcuq.ops.recurrent import GATE_BITS, CellOp, GateSums, infer_units, recurrent_macs, sequence_along
from mcuq.ops.weighted import checked_requant

# Fraction bits that an int16 cell may have.
CLIPPED_CELL_BITS = range(16)
_LAST = 255
# Entries of TensorFlow Lite's table that are one more than the nearest integer.
_ABOVE = (
    *(4, 8, 12, 14, 15, 16, 17, 19, 20, 21, 22, 25, 27, 28, 29, 30, 31, 33, 34, 35, 37, 39, 40, 41, 43, 44),
    *(45, 46, 49, 50, 54, 62, 63, 64, 66, 82, 86, 93, 100, 103, 112, 116, 135, 255),
)


def _clipped_table() -> Int16:
    values = np.minimum(np.rint(np.tanh(np.arange(_LAST + 1) / 48) * 2**15), 2**15 - 1)
    values[list(_ABOVE)] += 1
    return freeze(values, "int16")


# tanh(k / 48) in Q0.15. No entry lies near a tie, so every math library gives the same.
CLIPPED_TABLE: Int16 = _clipped_table()


def _line(magnitude: Int64, bits: int) -> Int64:
    """Tanh of `magnitude / (48 * 2^bits)` in Q0.(15 + bits), linear between the entries of the table."""
    table = CLIPPED_TABLE.astype(np.int64)
    index, rest = np.minimum(magnitude >> bits, _LAST), magnitude & ((1 << bits) - 1)
    low, high = table[index], table[np.minimum(index + 1, _LAST)]
    found: Int64 = np.where(
        index >= _LAST, np.int64(recurrent.GATE_MAX) << bits, (low << bits) + rest * (high - low)
    )
    return found


def clipped_sigmoid(v: Int64) -> Int64:
    """Sigmoid of a gate in Q3.12 as Q0.15.

    >>> clipped_sigmoid(np.array([0, 4096, -4096])).tolist()  # 0.5, 0.731059, 0.268941
    [16384, 23956, 8812]
    """
    found, one = _line(np.abs(3 * v), 9), 1 << 24
    signed: Int64 = np.where(v < 0, one - found + 511, one + found + 512) >> 10
    return signed


def clipped_tanh(v: Int64, bits: int = GATE_BITS) -> Int64:
    """Tanh of an int16 with some fraction bits, of `CLIPPED_CELL_BITS`, as Q0.15.

    >>> clipped_tanh(np.array([0, 4096, -4096])).tolist()  # tanh 1 = 0.761594
    [0, 24956, -24956]
    """
    more = bits - GATE_BITS
    u = (3 * v + ((1 << more) >> 1)) >> more if more > 0 else 3 * v << -more
    found = _line(np.abs(u), 8)
    signed: Int64 = np.where(u < 0, 127 - found, 128 + found) >> 8
    return signed


def _int16(v: Int64) -> Int64:
    limited: Int64 = np.clip(v, -(2**15), 2**15 - 1)
    return limited


@dataclasses.dataclass(frozen=True, slots=True)
class ClippedLstm(CellOp):
    """A sequence x `[T, K]` to hidden states `[T, H]` and the last cell `[1, H]`.

    Inputs: x, weights of x `[4H, K]`, bias `[4H]`, weights of the hidden state `[4H, H]`, and what hidden
    state and cell begin as, `[1, H]`. Gates stand in ONNX's order: input, output, forget, cell.

    Args:
        cell_clip: limit of the cell's magnitude, 0 where there is none.
        cell_bits: fraction bits of the cell, of `CLIPPED_CELL_BITS`.
    """

    cell_clip: float
    cell_bits: int

    kind: ClassVar[str] = "clipped_lstm"
    arity: ClassVar[tuple[int, int]] = (6, 6)
    constant_inputs: ClassVar[frozenset[int]] = frozenset({1, 2, 3})
    held_inputs: ClassVar[tuple[int, ...]] = (4,)  # the hidden state is kept as the output is
    takes: ClassVar[tuple[DType, ...]] = (DType.INT8, DType.INT16)
    converts: ClassVar[bool] = True
    weighted: ClassVar[tuple[WeightedInputs, ...]] = (WeightedInputs(0, 1, 2), WeightedInputs(None, 3, None))

    @property
    def wide_inputs(self) -> tuple[int, ...]:
        """The cell that it begins with."""
        return (5,)

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> ClippedLstmStep:
        """Gates in Q3.12.

        Raises:
            LoweringRefusal: Q002, Q003, or Q012 for a state that begins with other parameters.
        """
        x, w, b, r, h, c = inputs
        y = output.quant
        assert b.codes is not None
        for name, found, kept in (("hidden state", h.quant, y), ("cell", c.quant, self.fixed_params())):
            if found != kept:
                raise LoweringRefusal(
                    "Q012",
                    f"a {name} begins with other parameters than it is kept in",
                    why=f"found {_shown(found)}; expected {_shown(kept)}",
                    fix="leave the parameters of both ends of the state to mcuq, or give them alike",
                )
        return ClippedLstmStep(
            x_sums=_lower_sums(x, w, b.codes, rounding),
            h_sums=_lower_sums(Operand(output.shape, y), r, np.zeros(r.shape[0], np.int32), rounding),
            cell_bits=self.cell_bits,
            cell_limit=self._limit(),
            y_zero_point=y.zero_point,
            y_requant=checked_requant([2.0**-30 / y.step], rounding, 2**30),
        )

    def _limit(self) -> int:
        """The largest magnitude of the cell: that of the limit, cut, or of int16 where there is none."""
        if not self.cell_clip > 0:
            return 2**15
        return int(min(self.cell_clip * 2.0**self.cell_bits, 2.0**15 - 1))


def _shown(quant: QuantParams) -> str:
    return f"{quant.dtype.value}, scale {quant.step:g}, zero point {quant.zero_point}"


def _lower_sums(x: Operand, w: Operand, bias: Int32 | Array, rounding: Rounding) -> GateSums:
    """The sums of an operand and quantized weights, proved; the bias is in codes.

    The product of the scales is one of float32, as TensorFlow Lite has it.

    Raises:
        LoweringRefusal: Q002 or Q003.
    """
    assert w.codes is not None
    rows = len(w.codes)
    with np.errstate(over="ignore", under="ignore"):
        scales = np.broadcast_to(np.array(w.quant.scale, np.float32), rows) * np.float32(x.quant.step)
    requant = checked_requant([float(each) * 2.0**GATE_BITS for each in scales], rounding)
    sums = GateSums(freeze(w.codes, "int8"), freeze(bias, "int32"), requant, x.quant.zero_point)
    sums.prove(x.lo, x.hi)
    return sums


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ClippedLstmStep(SeveralOutputsStep):
    """Long short-term memory that goes on from an int8 hidden state and an int16 cell, which is clipped.

    A sequence `[T, K]` to hidden states int8 `[T, H]` and the last cell int16 `[1, H]`. What they begin as,
    `[1, H]`, has their types and parameters.

    Source: docs/numerics.md, recurrent layers.

    Args:
        x_sums: of x, 4 per unit: input, output, forget, cell.
        h_sums: of the hidden state.
        cell_bits: fraction bits of the cell.
        cell_limit: its largest magnitude, `2^15` for all of int16.
        y_zero_point: of the hidden state.
        y_requant: from Q0.30 to the hidden state's scale.
    """

    x_sums: GateSums
    h_sums: GateSums
    cell_bits: int
    cell_limit: int
    y_zero_point: int
    y_requant: Requant

    kind: ClassVar[str] = "clipped_lstm"

    def __post_init__(self) -> None:
        """Check that the parts belong together."""
        units = self.units
        require(self.h_sums.weights.shape == (4 * units, units), "square weights of the hidden state")
        require(len(self.x_sums.weights) == 4 * units, "four sums per unit")
        require(self.cell_bits in CLIPPED_CELL_BITS and 0 <= self.cell_limit <= 2**15, "int16 cells")
        require_codes(self.y_zero_point)
        require(self.h_sums.zero_point == self.y_zero_point, "one zero point of the hidden state")
        recurrent.require_finish(self.y_requant, 2**30)
        self.h_sums.check(-128, 127)

    @property
    def units(self) -> int:
        """How many there are."""
        return int(self.h_sums.weights.shape[1])

    @property
    def cell_range(self) -> CodeRange:
        """What a cell is limited to."""
        return -self.cell_limit, min(self.cell_limit, 2**15 - 1)

    def check(self, *ranges: CodeRange) -> None:
        """No sum leaves int32."""
        self.x_sums.check(*ranges[0])

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        return sequence_along(self.kind)

    def infer_outputs(self, *shapes: Shape) -> tuple[Shape, ...]:
        """Hidden states and the last cell."""
        recurrent.require_states(shapes, 3)
        units = infer_units(shapes[0], self.x_sums.weights.shape, self.h_sums.weights.shape, 4, shapes[1:])
        return (shapes[0][0], units), (1, units)

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """int8 hidden states and an int16 cell, of states alike."""
        require_types(self.kind, types[:2], DType.INT8)
        require_types(self.kind, types[2:], DType.INT16)
        return DType.INT8, DType.INT16

    def code_ranges(self) -> tuple[CodeRange, ...]:
        """All codes of hidden states; cells within their limit."""
        return (-128, 127), self.cell_range

    def macs(self, output: Shape) -> int:
        """Four sums per unit and element."""
        return recurrent_macs((output[0], self.x_sums.weights.shape[1]), 4 * self.units, self.units)

    def weight_bytes(self) -> int:
        """One per weight."""
        return int(self.x_sums.weights.size + self.h_sums.weights.size)

    def constant_types(self) -> tuple[DType, ...]:
        """int8 weights."""
        return (DType.INT8,)

    def run_outputs(self, *xs: Array) -> tuple[Array, ...]:
        """X `[samples, T, K]` and states `[samples, 1, H]` to `[samples, T, H]` and `[samples, 1, H]`."""
        gates, (samples, steps) = _int16(self.x_sums.run(xs[0])), xs[0].shape[:2]
        h, c = (state[:, 0].astype(np.int64) for state in xs[1:])
        y = np.empty((samples, steps, self.units), np.int8)
        for t in range(steps):
            h, c = self._advance(_int16(gates[:, t] + _int16(self.h_sums.run(h))), c)
            y[:, t] = h
        return y, c[:, None].astype(np.int16)

    def _advance(self, gates: Int64, c: Int64) -> tuple[Int64, Int64]:
        """Hidden state and cell of the next element, for sums `[samples, 4H]`."""
        i, o, f, g = np.split(gates, 4, axis=-1)
        kept = self._scaled(clipped_sigmoid(f) * c, 15)
        added = self._scaled(clipped_sigmoid(i) * clipped_tanh(g), 30 - self.cell_bits)
        c = np.clip(_int16(kept + added), *self.cell_range)
        h = self.y_requant.apply(clipped_tanh(c, self.cell_bits) * clipped_sigmoid(o)) + self.y_zero_point
        return np.clip(h, -128, 127), c

    def _scaled(self, v: Int64, bits: int) -> Int64:
        """The value over `2^bits`, requantized."""
        return Requant((1 << 30,), (1 - bits,), self.y_requant.rounding).apply(v)

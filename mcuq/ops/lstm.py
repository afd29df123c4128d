"""Long short-term memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.columns import Along
from mcuq.ir.integer import Requant, Rounding, requantize
from mcuq.ir.op import Operand
from mcuq.ir.program import CodeRange, SeveralOutputsStep, require_types
from mcuq.ir.roles import WeightedInputs
from mcuq.ir.types import Array, DType, Int64, Shape, require, require_codes
from mcuq.ops import recurrent
from mcuq.ops.recurrent import (
    GATE_BITS,
    GATE_MAX,
    CellOp,
    GateSums,
    Initial,
    half_up,
    infer_units,
    limit,
    lower_initial,
    lower_sums,
    order,
    real_bias,
    recurrent_macs,
    sequence_along,
)
from mcuq.ops.weighted import checked_requant

# Fraction bits of the cell: it is limited to 8, 16 or 32.
CELL_BITS = (12, 11, 10)


@dataclasses.dataclass(frozen=True, slots=True)
class Lstm(CellOp):
    """A sequence x `[T, K]` to hidden states `[T, H]` and the last cell `[1, H]`.

    Inputs: x, weights of x `[4H, K]`, bias `[4H]`, weights of the hidden state `[4H, H]`, peepholes
    `[3H, 1]`, and, both or none, the hidden state and the cell to begin with, `[1, H]`. Gates stand in ONNX's
    order: input, output, forget, cell; peepholes: input, output, forget.

    Args:
        is_reverse: whether the last element of the sequence is the first in time.
        clip: limit of the gates' magnitudes before their functions, 0 where there is none.
        cell_bits: fraction bits of the cell, of `CELL_BITS`.
    """

    is_reverse: bool
    clip: float
    cell_bits: int

    kind: ClassVar[str] = "lstm"
    arity: ClassVar[tuple[int, int]] = (5, 7)
    constant_inputs: ClassVar[frozenset[int]] = frozenset({1, 2, 3, 4})
    held_inputs: ClassVar[tuple[int, ...]] = (5,)  # the hidden state is kept as the output is
    weighted: ClassVar[tuple[WeightedInputs, ...]] = (
        WeightedInputs(0, 1, 2),
        WeightedInputs(None, 3, None),
        WeightedInputs(None, 4, None),
    )

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> LstmStep:
        """Gates in Q3.12.

        Raises:
            LoweringRefusal: Q002, Q003.
        """
        x, w, b, r, p = inputs[:5]
        gate, cell, y = 2.0**-GATE_BITS, 2.0**-self.cell_bits, output.quant
        hidden = Operand(output.shape, y)
        assert p.codes is not None
        peephole = None
        if p.codes.any():
            states = Operand(p.shape, self.fixed_params(), None, -GATE_MAX, GATE_MAX)
            peephole = lower_sums(states, p, np.zeros(len(p.codes)), gate, rounding)
        return LstmStep(
            is_reverse=self.is_reverse,
            x_sums=lower_sums(x, w, real_bias(b), gate, rounding),
            h_sums=lower_sums(hidden, r, np.zeros(r.shape[0]), gate, rounding),
            peephole=peephole,
            gate_limit=recurrent.gate_limit(self.clip),
            cell_bits=self.cell_bits,
            y_zero_point=y.zero_point,
            y_requant=checked_requant([2.0**-30 / y.step], rounding, 2**30),
            h_initial=lower_initial(inputs[5], y.step, rounding) if len(inputs) > 5 else None,
            c_initial=lower_initial(inputs[6], cell, rounding) if len(inputs) > 5 else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class LstmStep(SeveralOutputsStep):
    """Long short-term memory over a sequence `[T, K]`: hidden states int8 `[T, H]`, last cell int16 `[1, H]`.

    Source: docs/numerics.md, recurrent layers.

    Args:
        is_reverse: whether the last element is the first in time.
        x_sums: of x, 4 per unit: input, output, forget, cell.
        h_sums: of the hidden state.
        peephole: of the cell, one product per gate: input, output, forget; None where there is none.
        gate_limit: largest magnitude of a gate in Q3.12.
        cell_bits: fraction bits of the cell.
        y_zero_point: of the hidden state.
        y_requant: from Q0.30 to the hidden state's scale.
        h_initial: the hidden state is an input to begin with; None where it is zero.
        c_initial: likewise the cell; both or none.
    """

    is_reverse: bool
    x_sums: GateSums
    h_sums: GateSums
    peephole: GateSums | None
    gate_limit: int
    cell_bits: int
    y_zero_point: int
    y_requant: Requant
    h_initial: Initial | None
    c_initial: Initial | None

    kind: ClassVar[str] = "lstm"

    def __post_init__(self) -> None:
        """Check that the parts belong together."""
        units = self.units
        require(self.h_sums.weights.shape == (4 * units, units), "square weights of the hidden state")
        require(len(self.x_sums.weights) == 4 * units, "four sums per unit")
        require(self.peephole is None or self.peephole.weights.shape == (3 * units, 1), "three peepholes")
        require(self.peephole is None or self.peephole.zero_point == 0, "a cell without zero point")
        require(0 <= self.gate_limit <= GATE_MAX and self.cell_bits in CELL_BITS, "int16 gates and cells")
        require_codes(self.y_zero_point)
        require(self.h_sums.zero_point == self.y_zero_point, "one zero point of the hidden state")
        recurrent.require_finish(self.y_requant, 2**30)
        require((self.h_initial is None) == (self.c_initial is None), "both states or none")
        self.h_sums.check(-128, 127)
        if self.peephole is not None:
            self.peephole.check(-GATE_MAX, GATE_MAX)

    @property
    def units(self) -> int:
        """How many there are."""
        return int(self.h_sums.weights.shape[1])

    def check(self, *ranges: CodeRange) -> None:
        """No sum leaves int32."""
        self.x_sums.check(*ranges[0])

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        return sequence_along(self.kind)

    def infer_outputs(self, *shapes: Shape) -> tuple[Shape, ...]:
        """Hidden states and the last cell."""
        sums = self.x_sums.weights.shape, self.h_sums.weights.shape
        recurrent.require_states(shapes, 1 if self.h_initial is None else 3)
        units = infer_units(shapes[0], *sums, 4, shapes[1:])
        return (shapes[0][0], units), (1, units)

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """int8 hidden states and an int16 cell."""
        require_types(self.kind, types, DType.INT8)
        return DType.INT8, DType.INT16

    def code_ranges(self) -> tuple[CodeRange, ...]:
        """All codes."""
        return (-128, 127), (-GATE_MAX, GATE_MAX)

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
        gates, (samples, steps) = self.x_sums.run(xs[0]), xs[0].shape[:2]
        c = np.zeros((samples, self.units), np.int64)
        h = np.full_like(c, self.y_zero_point)
        if self.h_initial is not None and self.c_initial is not None:
            h = np.clip(self.h_initial.run(xs[1][:, 0]) + self.y_zero_point, -128, 127)
            c = limit(self.c_initial.run(xs[2][:, 0]))
        y = np.empty((samples, steps, self.units), np.int8)
        for t in order(steps, self.is_reverse):
            h, c = self._advance(gates[:, t] + self.h_sums.run(h), c)
            y[:, t] = h
        return y, c[:, None].astype(np.int16)

    def _advance(self, gates: Int64, c: Int64) -> tuple[Int64, Int64]:
        """Hidden state and cell of the next element, for sums `[samples, 4H]`."""
        i, o, f, g = np.split(gates, 4, axis=-1)
        i, f = (self._gate(v, c, which) for v, which in ((i, 0), (f, 2)))
        g = recurrent.tanh(limit(g, self.gate_limit))
        c = limit(
            half_up(recurrent.sigmoid(f) * c, 15) + half_up(recurrent.sigmoid(i) * g, 30 - self.cell_bits)
        )
        o = recurrent.sigmoid(self._gate(o, c, 1))
        v = limit(c << (GATE_BITS - self.cell_bits))
        h = self.y_requant.apply(o * recurrent.tanh(v)) + self.y_zero_point
        return np.clip(h, -128, 127), c

    def _gate(self, v: Int64, c: Int64, which: int) -> Int64:
        """A gate with what the cell adds through a peephole."""
        if self.peephole is not None:
            rows = slice(which * self.units, (which + 1) * self.units)
            multiplier, shift = (values[rows] for values in self.peephole.requant.arrays)
            products = self.peephole.weights[rows, 0].astype(np.int64) * c
            v = v + requantize(products, multiplier, shift, self.peephole.requant.rounding)
        return limit(v, self.gate_limit)

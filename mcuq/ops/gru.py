"""Gated recurrent units."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.columns import Along
from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.op import Op, Operand, RangeRule
from mcuq.ir.program import CodeRange, StepOp
from mcuq.ir.roles import WeightedInputs
from mcuq.ir.types import Array, DType, Float64, Int64, QuantParams, Shape, require, require_codes
from mcuq.ops import recurrent
from mcuq.ops.recurrent import (
    GATE_BITS,
    GATE_MAX,
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
    rows_of,
    sequence_along,
    sigmoid,
)
from mcuq.ops.weighted import checked_requant

# The state is kept with so many bits more than its code, and a state that was reset with so many.
STATE_BITS = 7
RESET_BITS = 4
_RESET_MAX = 255 << RESET_BITS


@dataclasses.dataclass(frozen=True, slots=True)
class Gru(Op):
    """A sequence x `[T, K]` to hidden states `[T, H]`.

    Inputs: x, weights of x `[3H, K]`, their bias `[3H]`, weights of the hidden state `[3H, H]`, their bias
    `[3H]`, of which only the candidate's may differ from 0, and where there is one the hidden state to begin
    with, `[1, H]`. Gates stand in ONNX's order: update, reset, candidate.

    Args:
        is_reverse: whether the last element of the sequence is the first in time.
        clip: limit of the gates' magnitudes before their functions, 0 where there is none.
        is_reset_behind: whether the reset gate multiplies sums of the hidden state (ONNX's
            linear_before_reset), not the hidden state itself.
    """

    is_reverse: bool
    clip: float
    is_reset_behind: bool

    kind: ClassVar[str] = "gru"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (5, 6)
    constant_inputs: ClassVar[frozenset[int]] = frozenset({1, 2, 3, 4})
    held_inputs: ClassVar[tuple[int, ...]] = (5,)  # the hidden state is kept as the output is
    # The candidate, up to 1, is an int16 of 2^-7 of the output's scale.
    least_width: ClassVar[float] = 1.0
    weighted: ClassVar[tuple[WeightedInputs, ...]] = (WeightedInputs(0, 1, 2), WeightedInputs(None, 3, 4))

    def infer(self, *shapes: Shape) -> Shape:
        """`[T, H]`."""
        x, w, _, r = shapes[:4]
        return (x[0], infer_units(x, w, r, 3, shapes[5:]))

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        """Three sums per unit and element."""
        return recurrent_macs(shapes[0], 3 * output[-1], output[-1])

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> GruStep:
        """Gates in Q3.12.

        Raises:
            LoweringRefusal: Q002, Q003.
        """
        x, w, b, r, r_bias = inputs[:5]
        gate, y, units = 2.0**-GATE_BITS, output.quant, r.shape[1]
        hidden = Operand(output.shape, y)
        last, bias = rows_of(r, 2 * units, 3 * units), real_bias(r_bias)[2 * units :]
        bits = GATE_BITS
        if self.is_reset_behind:
            bits = _bits(last, bias, y)
            candidate = lower_sums(hidden, last, bias, 2.0**-bits, rounding)
        else:
            scale = float(np.float32(y.step / 2**RESET_BITS))
            reset = Operand(
                output.shape, QuantParams((scale,), 0, DType.INT16), None, -_RESET_MAX, _RESET_MAX
            )
            candidate = lower_sums(reset, last, np.zeros(units), gate, rounding)
        return GruStep(
            is_reverse=self.is_reverse,
            is_reset_behind=self.is_reset_behind,
            x_sums=lower_sums(x, w, real_bias(b), gate, rounding),
            h_sums=lower_sums(hidden, rows_of(r, 0, 2 * units), np.zeros(2 * units), gate, rounding),
            candidate=candidate,
            candidate_bits=bits,
            gate_limit=recurrent.gate_limit(self.clip),
            y_zero_point=y.zero_point,
            n_requant=checked_requant([2.0 ** (STATE_BITS - 15) / y.step], rounding, GATE_MAX),
            h_initial=lower_initial(inputs[5], y.step, rounding) if len(inputs) > 5 else None,
        )


def _bits(w: Operand, bias: Float64, h: QuantParams) -> int:
    """Fraction bits with which sums of the hidden state fit int16, whatever it is; 12 at most."""
    assert w.codes is not None
    most = max(h.dtype.qmax - h.zero_point, h.zero_point - h.dtype.qmin) * h.step
    scales = np.broadcast_to(np.array(w.quant.scale), len(w.codes))
    bound = float((np.abs(w.codes.astype(np.int64)).sum(axis=1) * scales * most + np.abs(bias)).max())
    return max(0, min(GATE_BITS, 15 - math.ceil(math.log2(max(bound, 1.0)))))


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class GruStep(StepOp):
    """Gated recurrent units over a sequence `[T, K]`: hidden states int8 `[T, H]`, kept in int16 between.

    Source: docs/numerics.md, recurrent layers.

    Args:
        is_reverse: whether the last element is the first in time.
        is_reset_behind: whether the reset gate multiplies the sums of the candidate, not what they are of.
        x_sums: of x, 3 per unit: update, reset, candidate.
        h_sums: of the hidden state, 2 per unit: update, reset.
        candidate: of the hidden state; where it is reset in front, of that with `RESET_BITS` more.
        candidate_bits: fraction bits of `candidate`.
        gate_limit: largest magnitude of a gate in Q3.12.
        y_zero_point: of the hidden state.
        n_requant: from Q0.15 to the hidden state's scale with `STATE_BITS` more.
        h_initial: the hidden state is an input to begin with; None where it is zero.
    """

    is_reverse: bool
    is_reset_behind: bool
    x_sums: GateSums
    h_sums: GateSums
    candidate: GateSums
    candidate_bits: int
    gate_limit: int
    y_zero_point: int
    n_requant: Requant
    h_initial: Initial | None

    kind: ClassVar[str] = "gru"

    def __post_init__(self) -> None:
        """Check that the parts belong together."""
        units = self.units
        require(len(self.x_sums.weights) == 3 * units, "three sums per unit")
        require(self.h_sums.weights.shape == (2 * units, units), "two sums of the hidden state per unit")
        require(self.candidate.weights.shape == (units, units), "one sum of the candidate per unit")
        require(0 <= self.gate_limit <= GATE_MAX, "int16 gates")
        require_codes(self.y_zero_point)
        require(self.h_sums.zero_point == self.y_zero_point, "one zero point of the hidden state")
        recurrent.require_finish(self.n_requant, GATE_MAX)
        self.h_sums.check(-128, 127)
        if self.is_reset_behind:
            require(0 <= self.candidate_bits <= GATE_BITS, "int16 sums of the candidate")
            require(self.candidate.zero_point == self.y_zero_point, "one zero point of the hidden state")
            self.candidate.check(-128, 127)
        else:
            require(self.candidate_bits == GATE_BITS and self.candidate.zero_point == 0, "sums of the gate")
            self.candidate.check(-_RESET_MAX, _RESET_MAX)

    @property
    def units(self) -> int:
        """How many there are."""
        return int(self.candidate.weights.shape[1])

    @property
    def state_limits(self) -> tuple[int, int]:
        """The smallest and largest state, of the smallest and largest code."""
        return (-128 - self.y_zero_point) << STATE_BITS, (127 - self.y_zero_point) << STATE_BITS

    def check(self, *ranges: CodeRange) -> None:
        """No sum leaves int32."""
        self.x_sums.check(*ranges[0])

    def infer(self, *shapes: Shape) -> Shape:
        """`[T, H]`."""
        recurrent.require_states(shapes, 1 if self.h_initial is None else 2)
        sums = self.x_sums.weights.shape, (3 * self.units, self.units)
        return (shapes[0][0], infer_units(shapes[0], *sums, 3, shapes[1:]))

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        return sequence_along(self.kind)

    def code_range(self) -> CodeRange:
        """All codes."""
        return -128, 127

    def macs(self, output: Shape) -> int:
        """Three sums per unit and element."""
        return recurrent_macs((output[0], self.x_sums.weights.shape[1]), 3 * self.units, self.units)

    def weight_bytes(self) -> int:
        """One per weight."""
        return int(self.x_sums.weights.size + self.h_sums.weights.size + self.candidate.weights.size)

    def constant_types(self) -> tuple[DType, ...]:
        """int8 weights."""
        return (DType.INT8,)

    def run(self, *xs: Array) -> Array:
        """X `[samples, T, K]` and a state `[samples, 1, H]` to `[samples, T, H]`."""
        gates, (samples, steps) = self.x_sums.run(xs[0]), xs[0].shape[:2]
        h = np.full((samples, self.units), self.y_zero_point, np.int64)
        if self.h_initial is not None:
            h = np.clip(self.h_initial.run(xs[1][:, 0]) + self.y_zero_point, -128, 127)
        state = (h - self.y_zero_point) << STATE_BITS
        y = np.empty((samples, steps, self.units), np.int8)
        for t in order(steps, self.is_reverse):
            state = self._advance(gates[:, t], h, state)
            h = half_up(state, STATE_BITS) + self.y_zero_point
            y[:, t] = h
        return y

    def _advance(self, gates: Int64, h: Int64, state: Int64) -> Int64:
        """The state of the next element, for sums of x `[samples, 3H]`."""
        z, r, n = np.split(gates, 3, axis=-1)
        others = np.split(self.h_sums.run(h), 2, axis=-1)
        z, r = (sigmoid(limit(v + other, self.gate_limit)) for v, other in zip((z, r), others, strict=True))
        if self.is_reset_behind:
            inner = half_up(r * limit(self.candidate.run(h)), 15 - GATE_BITS + self.candidate_bits)
        else:
            inner = self.candidate.run(half_up(r * (h - self.y_zero_point), 15 - RESET_BITS))
        n = recurrent.tanh(limit(n + inner, self.gate_limit))
        mixed = half_up(z * state + (2**15 - z) * limit(self.n_requant.apply(n)), 15)
        return np.clip(mixed, *self.state_limits)

"""Elman's recurrent layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.columns import Along
from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.op import Op, Operand, RangeRule
from mcuq.ir.program import CodeRange, StepOp
from mcuq.ir.roles import WeightedInputs
from mcuq.ir.types import Array, DType, Shape, require, require_codes
from mcuq.ops import recurrent
from mcuq.ops.recurrent import (
    GATE_BITS,
    GATE_MAX,
    GateSums,
    Initial,
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


@dataclasses.dataclass(frozen=True, slots=True)
class Rnn(Op):
    """A sequence x `[T, K]` to hidden states `[T, H]`, `h = tanh(x w + h before r + b)`.

    Inputs: x, weights of x `[H, K]`, bias `[H]`, weights of the hidden state `[H, H]`, and where there is one
    the hidden state to begin with, `[1, H]`.

    Args:
        is_reverse: whether the last element of the sequence is the first in time.
        clip: limit of the sums' magnitudes before tanh, 0 where there is none.
    """

    is_reverse: bool
    clip: float

    kind: ClassVar[str] = "rnn"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (4, 5)
    constant_inputs: ClassVar[frozenset[int]] = frozenset({1, 2, 3})
    held_inputs: ClassVar[tuple[int, ...]] = (4,)  # the hidden state is kept as the output is
    weighted: ClassVar[tuple[WeightedInputs, ...]] = (WeightedInputs(0, 1, 2), WeightedInputs(None, 3, None))

    def infer(self, *shapes: Shape) -> Shape:
        """`[T, H]`."""
        x, w, _, r = shapes[:4]
        return (x[0], infer_units(x, w, r, 1, shapes[4:]))

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        """One sum per unit and element."""
        return recurrent_macs(shapes[0], output[-1], output[-1])

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> RnnStep:
        """Sums in Q3.12.

        Raises:
            LoweringRefusal: Q002, Q003.
        """
        x, w, b, r = inputs[:4]
        gate, y = 2.0**-GATE_BITS, output.quant
        hidden = Operand(output.shape, y)
        return RnnStep(
            is_reverse=self.is_reverse,
            x_sums=lower_sums(x, w, real_bias(b), gate, rounding),
            h_sums=lower_sums(hidden, r, np.zeros(r.shape[0]), gate, rounding),
            gate_limit=recurrent.gate_limit(self.clip),
            y_zero_point=y.zero_point,
            y_requant=checked_requant([2.0**-15 / y.step], rounding, GATE_MAX),
            h_initial=lower_initial(inputs[4], y.step, rounding) if len(inputs) > 4 else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class RnnStep(StepOp):
    """Elman's recurrent layer over a sequence `[T, K]`: hidden states int8 `[T, H]`.

    Source: docs/numerics.md, recurrent layers.

    Args:
        is_reverse: whether the last element is the first in time.
        x_sums: of x, one per unit.
        h_sums: of the hidden state.
        gate_limit: largest magnitude of a sum in Q3.12.
        y_zero_point: of the hidden state.
        y_requant: from Q0.15 to the hidden state's scale.
        h_initial: the hidden state is an input to begin with; None where it is zero.
    """

    is_reverse: bool
    x_sums: GateSums
    h_sums: GateSums
    gate_limit: int
    y_zero_point: int
    y_requant: Requant
    h_initial: Initial | None

    kind: ClassVar[str] = "rnn"

    def __post_init__(self) -> None:
        """Check that the parts belong together."""
        units = self.units
        require(self.h_sums.weights.shape == (units, units), "square weights of the hidden state")
        require(len(self.x_sums.weights) == units, "one sum per unit")
        require(0 <= self.gate_limit <= GATE_MAX, "int16 sums")
        require_codes(self.y_zero_point)
        require(self.h_sums.zero_point == self.y_zero_point, "one zero point of the hidden state")
        recurrent.require_finish(self.y_requant, GATE_MAX)
        self.h_sums.check(-128, 127)

    @property
    def units(self) -> int:
        """How many there are."""
        return int(self.h_sums.weights.shape[1])

    def check(self, *ranges: CodeRange) -> None:
        """No sum leaves int32."""
        self.x_sums.check(*ranges[0])

    def infer(self, *shapes: Shape) -> Shape:
        """`[T, H]`."""
        recurrent.require_states(shapes, 1 if self.h_initial is None else 2)
        sums = self.x_sums.weights.shape, self.h_sums.weights.shape
        return (shapes[0][0], infer_units(shapes[0], *sums, 1, shapes[1:]))

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        return sequence_along(self.kind)

    def code_range(self) -> CodeRange:
        """All codes."""
        return -128, 127

    def macs(self, output: Shape) -> int:
        """One sum per unit and element."""
        return recurrent_macs((output[0], self.x_sums.weights.shape[1]), self.units, self.units)

    def weight_bytes(self) -> int:
        """One per weight."""
        return int(self.x_sums.weights.size + self.h_sums.weights.size)

    def constant_types(self) -> tuple[DType, ...]:
        """int8 weights."""
        return (DType.INT8,)

    def run(self, *xs: Array) -> Array:
        """X `[samples, T, K]` and a state `[samples, 1, H]` to `[samples, T, H]`."""
        sums, (samples, steps) = self.x_sums.run(xs[0]), xs[0].shape[:2]
        h = np.full((samples, self.units), self.y_zero_point, np.int64)
        if self.h_initial is not None:
            h = np.clip(self.h_initial.run(xs[1][:, 0]) + self.y_zero_point, -128, 127)
        y = np.empty((samples, steps, self.units), np.int8)
        for t in order(steps, self.is_reverse):
            v = recurrent.tanh(limit(sums[:, t] + self.h_sums.run(h), self.gate_limit))
            h = np.clip(self.y_requant.apply(v) + self.y_zero_point, -128, 127)
            y[:, t] = h
        return y

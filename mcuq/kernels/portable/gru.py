"""Gated recurrent units in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.kernels.portable.recurrent import initial_fields, scale_fields, sum_arrays, tanh_array
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.ops.gru import GruStep
from mcuq.ops.recurrent import GATE_BITS


class PortableGru(Variant[GruStep]):
    """One element of the sequence after the other, one unit after the other."""

    kernel: ClassVar[str] = "mcuq_gru_s8"

    def call(self) -> KernelCall:
        """Parameters, the state to begin with, the table of gates."""
        op, (steps, in_c) = self.op, self.shapes.inputs[0]
        fields = (
            ("steps", steps),
            ("in_c", in_c),
            ("units", op.units),
            ("is_reverse", int(op.is_reverse)),
            ("is_reset_behind", int(op.is_reset_behind)),
            ("gate_limit", op.gate_limit),
            ("inner_shift", 15 - GATE_BITS + op.candidate_bits),
            ("x_zero_point", op.x_sums.zero_point),
            ("y_zero_point", op.y_zero_point),
            *scale_fields(op.n_requant, "y"),
            ("has_initial", int(op.h_initial is not None)),
            *initial_fields(op.h_initial, "h"),
        )
        arrays = (*self.sums(), tanh_array())
        inputs = (0, 0) if op.h_initial is None else None
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=self.scratch_bytes(), inputs=inputs)

    def sums(self) -> tuple[CArray, ...]:
        """Weights, bias and scales of x `[3][units]`, of the hidden state `[2][units]`, of the candidate."""
        return (
            *sum_arrays(self.op.x_sums, "x", "x_multiplier", "x_shift"),
            *sum_arrays(self.op.h_sums, "h", "h_multipliers", "h_shifts"),
            *sum_arrays(self.op.candidate, "n", "n_multiplier", "n_shift"),
        )

    def scratch_bytes(self) -> int:
        """The state, one that was reset, and the first codes."""
        return (3 if self.op.is_reset_behind else 5) * self.op.units

    def terms(self) -> Terms:
        """Three sums of products per unit and element, and the unit behind them."""
        (steps, in_c), units = self.shapes.inputs[0], self.op.units
        return {"products": 3 * steps * units * (in_c + units), "units": steps * units, "calls": 1}


VARIANTS: tuple[VariantType, ...] = (PortableGru,)

"""Elman's recurrent layers in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.kernels.portable.recurrent import initial_fields, scale_fields, sum_arrays, tanh_array
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.ops.rnn import RnnStep


class PortableRnn(Variant[RnnStep]):
    """One element of the sequence after the other, one unit after the other."""

    kernel: ClassVar[str] = "mcuq_rnn_s8"

    def call(self) -> KernelCall:
        """Parameters, the state to begin with, the table of gates."""
        op, (steps, in_c) = self.op, self.shapes.inputs[0]
        fields = (
            ("steps", steps),
            ("in_c", in_c),
            ("units", op.units),
            ("is_reverse", int(op.is_reverse)),
            ("gate_limit", op.gate_limit),
            ("x_zero_point", op.x_sums.zero_point),
            ("y_zero_point", op.y_zero_point),
            *scale_fields(op.y_requant, "y"),
            ("has_initial", int(op.h_initial is not None)),
            *initial_fields(op.h_initial, "h"),
        )
        arrays = (*self.sums(), tanh_array())
        inputs = (0, 0) if op.h_initial is None else None
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=self.scratch_bytes(), inputs=inputs)

    def sums(self) -> tuple[CArray, ...]:
        """Weights, bias and scales of x and of the hidden state, `[units]`."""
        return (
            *sum_arrays(self.op.x_sums, "x", "x_multiplier", "x_shift"),
            *sum_arrays(self.op.h_sums, "h", "h_multipliers", "h_shifts"),
        )

    def scratch_bytes(self) -> int:
        """The hidden state to begin with."""
        return self.op.units

    def terms(self) -> Terms:
        """A sum of products per unit and element, and the unit behind it."""
        (steps, in_c), units = self.shapes.inputs[0], self.op.units
        return {"products": steps * units * (in_c + units), "units": steps * units, "calls": 1}


VARIANTS: tuple[VariantType, ...] = (PortableRnn,)

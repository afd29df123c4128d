"""Elman's recurrent layers in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import KernelCall
from mcuq.kernels.portable.recurrent import initial_fields, scale_fields, sum_arrays, tanh_array
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.rnn import RnnStep


class PortableRnn(Variant[RnnStep]):
    """One element of the sequence after the other, one unit after the other."""

    kernel: ClassVar[str] = "mcuq_rnn_s8"

    def call(self) -> KernelCall:
        """Weights as they are; scratch for the hidden state to begin with."""
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
        arrays = (
            *sum_arrays(op.x_sums, "x", "x_multiplier", "x_shift"),
            *sum_arrays(op.h_sums, "h", "h_multipliers", "h_shifts"),
            tanh_array(),
        )
        inputs = (0, 0) if op.h_initial is None else None
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=op.units, inputs=inputs)


VARIANTS: tuple[VariantType, ...] = (PortableRnn,)

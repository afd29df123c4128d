"""Long short-term memory that goes on from run to run, in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import CODE_TYPES, DType
from mcuq.kernels.portable.recurrent import scale_fields, sum_arrays
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.ops.clipped_lstm import CLIPPED_TABLE, ClippedLstmStep


class PortableClippedLstm(Variant[ClippedLstmStep]):
    """One element of the sequence after the other, one unit after the other."""

    kernel: ClassVar[str] = "mcuq_clipped_lstm_s8"
    takes: ClassVar[tuple[DType, ...]] = CODE_TYPES

    def call(self) -> KernelCall:
        """Parameters and the table of gates."""
        op, (steps, in_c) = self.op, self.shapes.inputs[0]
        fields = (
            ("steps", steps),
            ("in_c", in_c),
            ("units", op.units),
            ("cell_bits", op.cell_bits),
            ("cell_lo", op.cell_range[0]),
            ("cell_hi", op.cell_range[1]),
            ("x_zero_point", op.x_sums.zero_point),
            ("y_zero_point", op.y_zero_point),
            *scale_fields(op.y_requant, "y"),
        )
        arrays = (
            *sum_arrays(op.x_sums, "x", "x_multiplier", "x_shift"),
            *sum_arrays(op.h_sums, "h", "h_multipliers", "h_shifts"),
            CArray("tanh", CLIPPED_TABLE, "tanh(k / 48) in Q0.15"),
        )
        return KernelCall(self.kernel, fields, arrays)

    def terms(self) -> Terms:
        """Four sums of products per unit and element, and the unit behind them."""
        (steps, in_c), units = self.shapes.inputs[0], self.op.units
        return {"products": 4 * steps * units * (in_c + units), "units": steps * units, "calls": 1}


VARIANTS: tuple[VariantType, ...] = (PortableClippedLstm,)

"""Elman's recurrent layers for DSP cores."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray
from mcuq.kernels.armv7em.recurrent import gates_apart, packed_sums, wide_bytes
from mcuq.kernels.armv7em.requantize import NEEDS
from mcuq.kernels.fields import round_up
from mcuq.kernels.portable.rnn import PortableRnn
from mcuq.kernels.variant import Terms, VariantType


class DspRnn(PortableRnn):
    """Four units share the expanded input."""

    kernel: ClassVar[str] = "mcuq_rnn_s8_dsp"
    needs: ClassVar[tuple[str, ...]] = NEEDS

    def sums(self) -> tuple[CArray, ...]:
        """Units in fours."""
        rows = gates_apart(1, self.op.units)
        return (
            *packed_sums(self.op.x_sums, rows, "x", "x_multiplier", "x_shift"),
            *packed_sums(self.op.h_sums, rows, "h", "h_multipliers", "h_shifts"),
        )

    def scratch_bytes(self) -> int:
        """An element and a hidden state as halves, and the state to begin with."""
        return wide_bytes(self.shapes.inputs[0][1], self.op.units) + self.op.units

    def terms(self) -> Terms:
        """Four units at a time; input and hidden state are expanded once per element."""
        (steps, in_c), units = self.shapes.inputs[0], self.op.units
        wide, fours = round_up(in_c, 8) + round_up(units, 8), -(-units // 4)
        return {
            "four_codes": steps * fours * wide,
            "fours": steps * fours,
            "units": steps * units,
            "input_codes": steps * wide,
            "steps": steps,
            "calls": 1,
        }


VARIANTS: tuple[VariantType, ...] = (DspRnn,)

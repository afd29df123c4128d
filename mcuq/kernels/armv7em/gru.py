"""Gated recurrent units for DSP cores."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray
from mcuq.kernels.armv7em.recurrent import gates_apart, packed_sums, wide_bytes
from mcuq.kernels.armv7em.requantize import NEEDS
from mcuq.kernels.fields import round_up
from mcuq.kernels.portable.gru import PortableGru
from mcuq.kernels.variant import Terms, VariantType


class DspGru(PortableGru):
    """Four units share the expanded input."""

    kernel: ClassVar[str] = "mcuq_gru_s8_dsp"
    needs: ClassVar[tuple[str, ...]] = NEEDS

    def sums(self) -> tuple[CArray, ...]:
        """The units of each gate in fours."""
        op = self.op
        return (
            *packed_sums(op.x_sums, gates_apart(3, op.units), "x", "x_multiplier", "x_shift"),
            *packed_sums(op.h_sums, gates_apart(2, op.units), "h", "h_multipliers", "h_shifts"),
            *packed_sums(op.candidate, gates_apart(1, op.units), "n", "n_multiplier", "n_shift"),
        )

    def scratch_bytes(self) -> int:
        """An element, a hidden state and one that was reset as halves, the state, and the first codes."""
        units = self.op.units
        resets = () if self.op.is_reset_behind else (units,)
        return wide_bytes(self.shapes.inputs[0][1], units, *resets) + 3 * units

    def terms(self) -> Terms:
        """Four units at a time; input and hidden state are expanded once per element."""
        (steps, in_c), units = self.shapes.inputs[0], self.op.units
        wide, fours = round_up(in_c, 8) + round_up(units, 8), -(-units // 4)
        return {
            "four_codes": 3 * steps * fours * wide,
            "fours": steps * fours,
            "units": steps * units,
            "input_codes": steps * wide,
            "steps": steps,
            "calls": 1,
        }


VARIANTS: tuple[VariantType, ...] = (DspGru,)

"""Long short-term memory for DSP cores."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray
from mcuq.kernels.armv7em.recurrent import gates_together, packed_sums, wide_bytes
from mcuq.kernels.armv7em.requantize import NEEDS
from mcuq.kernels.fields import round_up
from mcuq.kernels.portable.lstm import PortableLstm
from mcuq.kernels.variant import Terms, VariantType


class DspLstm(PortableLstm):
    """The four gates of a unit share the expanded input."""

    kernel: ClassVar[str] = "mcuq_lstm_s8_dsp"
    needs: ClassVar[tuple[str, ...]] = NEEDS

    def sums(self) -> tuple[CArray, ...]:
        """The gates of a unit together."""
        rows = gates_together(4, self.op.units)
        return (
            *packed_sums(self.op.x_sums, rows, "x", "x_multiplier", "x_shift"),
            *packed_sums(self.op.h_sums, rows, "h", "h_multipliers", "h_shifts"),
        )

    def scratch_bytes(self) -> int:
        """An element and a hidden state as halves, and the state to begin with."""
        return wide_bytes(self.shapes.inputs[0][1], self.op.units) + self.op.units

    def terms(self) -> Terms:
        """Four rows at a time; input and hidden state are expanded once per element."""
        (steps, in_c), units = self.shapes.inputs[0], self.op.units
        wide = round_up(in_c, 8) + round_up(units, 8)
        return {
            "four_codes": steps * units * wide,
            "units": steps * units,
            "peepholes": steps * units * (self.op.peephole is not None),
            "input_codes": steps * wide,
            "steps": steps,
            "calls": 1,
        }


VARIANTS: tuple[VariantType, ...] = (DspLstm,)

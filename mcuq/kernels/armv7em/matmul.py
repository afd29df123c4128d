"""Products of two tensors for DSP cores."""

from __future__ import annotations

import math
from typing import ClassVar

from mcuq.ir.types import elem_count
from mcuq.kernels.armv7em.requantize import NEEDS, scale_refusal
from mcuq.kernels.fields import Fields, round_up
from mcuq.kernels.portable.matmul import PortableMatMul
from mcuq.kernels.variant import Terms, VariantType

_SUMS = 2**30
_ROOM = 4  # one part in so many of all tensors may be expanded columns


class DspMatMul(PortableMatMul):
    """2 rows by 4 columns at a time, of factors in any order of axes that are expanded first."""

    kernel: ClassVar[str] = "mcuq_matmul_s8_dsp"
    needs: ClassVar[tuple[str, ...]] = NEEDS

    def refuse(self) -> str | None:
        """Up to three loops over matrices, and the shortcut's conditions."""
        if self.op.largest >= _SUMS:
            return f"the sums reach {self.op.largest}, the kernel takes less than 2^30"
        return super().refuse() or scale_refusal(self.op.requant)

    @property
    def wide(self) -> int:
        """Halves of a row."""
        return round_up(self.op.depth, 8)

    @property
    def panel(self) -> int:
        """Columns that are expanded at a time, in equal parts: as many as fit into a part of the tensors."""
        columns = self.shapes.output[-1]
        room = sum(map(elem_count, (*self.shapes.inputs, self.shapes.output))) // _ROOM
        fits = max(room // (8 * self.wide), 1) * 4
        parts = -(-columns // fits)
        return round_up(-(-columns // parts), 4)

    def scale_fields(self) -> Fields:
        """How factors are expanded, and how sums become codes."""
        requant = self.op.requant
        return (
            ("wide", self.wide),
            ("panel", self.panel),
            ("multiplier", requant.multiplier[0]),
            ("right", -requant.shift[0]),
        )

    def scratch_bytes(self) -> int:
        """Two rows and a panel of columns as halves."""
        return 2 * self.wide * (self.panel + 2)

    def terms(self) -> Terms:
        """Blocks, and lines that are expanded: codes in a row, one by one, or four columns at once."""
        rows, columns = self.shapes.output[-2:]
        matrices = math.prod(self.matrices()[0])
        (*_, a_step), (*_, b_step, b_column) = self.strides()
        fours, pairs, panels = -(-columns // 4), -(-rows // 2), -(-columns // self.panel)
        gathered = columns // 4 if b_column == 1 and b_step != 1 else 0
        whole = self.op.depth // 4 * 4
        lines = {"line": 0, "single": 0}
        lines["line" if a_step == 1 else "single"] += 2 * pairs * panels
        lines["line" if b_step == 1 else "single"] += 4 * (fours - gathered)
        every = lines["line"] + lines["single"]
        return {
            "block_codes": matrices * pairs * fours * self.wide,
            "blocks": matrices * pairs * fours,
            "pairs": matrices * pairs * panels,
            "parts": matrices * pairs * (columns % 4 != 0),
            "lines": matrices * every,
            "rest_codes": matrices * (every + 4 * gathered) * (self.wide - whole),
            "line_codes": matrices * lines["line"] * whole,
            "single_codes": matrices * lines["single"] * whole,
            "gathered": matrices * gathered,
            "gathered_codes": matrices * gathered * whole,
            "limited": elem_count(self.shapes.output) * ((self.op.lo, self.op.hi) != (-128, 127)),
            "matrices": matrices,
            "calls": 1,
        }


VARIANTS: tuple[VariantType, ...] = (DspMatMul,)

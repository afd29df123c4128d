"""Softmax for cores with vector instructions."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.types import elem_count
from mcuq.kernels.armv81m.requantize import LANES, NEEDS_MVE
from mcuq.kernels.portable.softmax import PortableSoftmax
from mcuq.kernels.variant import Terms, VariantType


class VectorSoftmax(PortableSoftmax):
    """Softmax over rows, four elements at a time."""

    kernel: ClassVar[str] = "mcuq_softmax_s8_mve"
    needs: ClassVar[tuple[str, ...]] = NEEDS_MVE

    def terms(self) -> Terms:
        """Fours of each row's elements."""
        shape = self.shapes.inputs[0]
        rows = elem_count(shape[:-1])
        return {"fours": rows * -(-shape[-1] // LANES), "rows": rows, "calls": 1}


VARIANTS: tuple[VariantType, ...] = (VectorSoftmax,)

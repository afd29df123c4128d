"""Softmax for DSP cores."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import elem_count, freeze
from mcuq.kernels.armv7em.requantize import NEEDS
from mcuq.kernels.portable.softmax import PortableSoftmax
from mcuq.kernels.variant import Terms, VariantType


class DspSoftmax(PortableSoftmax):
    """Softmax over rows: the largest code of four at a time, products of 64 bits."""

    kernel: ClassVar[str] = "mcuq_softmax_s8_dsp"
    needs: ClassVar[tuple[str, ...]] = NEEDS

    def call(self) -> KernelCall:
        """The exponentials in the order of codes: the largest distance first."""
        shape = self.shapes.inputs[0]
        fields = (("rows", elem_count(shape[:-1])), ("count", shape[-1]))
        values = freeze(self.op.exponentials()[::-1].copy(), "int32")
        return KernelCall(self.kernel, fields, (CArray("exponentials", values, "e^(d * scale) in Q0.31"),))

    def terms(self) -> Terms:
        """Elements and rows; rows of one element are filled."""
        shape = self.shapes.inputs[0]
        elements, rows = elem_count(shape), elem_count(shape[:-1])
        is_one = shape[-1] == 1
        return {
            "elements": elements * (not is_one),
            "rows": rows * (not is_one),
            "ones": rows * is_one,
            "calls": 1,
        }


VARIANTS: tuple[VariantType, ...] = (DspSoftmax,)

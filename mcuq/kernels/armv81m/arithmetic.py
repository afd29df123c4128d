"""Arithmetic of two operands for cores with vector instructions."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import KernelCall
from mcuq.ir.types import DType, elem_count
from mcuq.kernels.armv81m.requantize import NEEDS_MVE, rounding_refusal
from mcuq.kernels.portable.arithmetic import PortableAdd
from mcuq.kernels.variant import VariantType


class VectorAdd(PortableAdd):
    """Addition of equal shapes, four elements at a time."""

    kernel: ClassVar[str] = "mcuq_add_s8_mve"
    needs: ClassVar[tuple[str, ...]] = NEEDS_MVE

    def refuse(self) -> str | None:
        """Equal shapes, rounded twice."""
        return super().refuse() or rounding_refusal(self.op.y_requant)

    def call(self) -> KernelCall:
        """Numbers that meet vectors one by one stand before those that are made vectors."""
        op = self.op
        right = op.y_requant.shift[0]
        fields = (
            ("count", elem_count(self.shapes.output)),
            ("a_zero_point", op.a_zero_point),
            ("a_multiplier", op.a_requant.multiplier[0]),
            ("b_zero_point", op.b_zero_point),
            ("b_multiplier", op.b_requant.multiplier[0]),
            ("sign", -1 if op.is_subtraction else 1),
            ("y_left", max(right, 0)),
            ("y_multiplier", op.y_requant.multiplier[0]),
            ("y_zero_point", op.y_zero_point),
            ("a_shift", op.a_requant.shift[0]),
            ("b_shift", op.b_requant.shift[0]),
            ("y_right", min(right, 0)),
            ("lo", op.lo),
            ("hi", op.hi),
        )
        return KernelCall(self.kernel, fields, ())


class WideVectorAdd(VectorAdd):
    """The same of int16."""

    kernel: ClassVar[str] = "mcuq_add_s16_mve"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)


VARIANTS: tuple[VariantType, ...] = (VectorAdd, WideVectorAdd)

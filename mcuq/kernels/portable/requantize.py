"""Requantization of and to int16 in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import KernelCall
from mcuq.ir.types import DType, elem_count
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.requantize import RequantizeStep


class _Requantize(Variant[RequantizeStep]):
    """One multiplication per element."""

    def call(self) -> KernelCall:
        """One loop over all elements."""
        op = self.op
        fields = (
            ("count", elem_count(self.shapes.output)),
            ("x_zero_point", op.x_zero_point),
            ("y_zero_point", op.y_zero_point),
            ("multiplier", op.requant.multiplier[0]),
            ("shift", op.requant.shift[0]),
        )
        return KernelCall(self.kernel, fields, ())


class PortableWiden(_Requantize):
    """From int8 to int16."""

    kernel: ClassVar[str] = "mcuq_requantize_s8_s16"
    gives: ClassVar[DType] = DType.INT16


class PortableNarrow(_Requantize):
    """From int16 to int8."""

    kernel: ClassVar[str] = "mcuq_requantize_s16_s8"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)
    gives: ClassVar[DType] = DType.INT8


class PortableRequantize(_Requantize):
    """From int16 to int16."""

    kernel: ClassVar[str] = "mcuq_requantize_s16"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)
    gives: ClassVar[DType] = DType.INT16


VARIANTS: tuple[VariantType, ...] = (PortableWiden, PortableNarrow, PortableRequantize)

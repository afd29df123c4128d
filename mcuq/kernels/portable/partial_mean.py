"""Sums of rows and their mean in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import KernelCall
from mcuq.ir.types import DType, Shape, elem_count
from mcuq.kernels.fields import Fields
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.partial_mean import AddRowsStep, MeanOfSumStep, SumRowsStep


def _image_fields(x: Shape) -> Fields:
    return (("pixels", elem_count(x[:-1])), ("channels", x[-1]))


class PortableSumRows(Variant[SumRowsStep]):
    """Sums of rows."""

    kernel: ClassVar[str] = "mcuq_sum_rows_s8"

    def call(self) -> KernelCall:
        return KernelCall(self.kernel, _image_fields(self.shapes.inputs[0]), ())


class PortableAddRows(Variant[AddRowsStep]):
    """Sums of rows added to others."""

    kernel: ClassVar[str] = "mcuq_add_rows_s8"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT8, DType.INT32)

    def call(self) -> KernelCall:
        """The limit is one of what was summed before."""
        fields = (*_image_fields(self.shapes.inputs[1]), ("limit", self.op.limit))
        return KernelCall(self.kernel, fields, ())


class PortableMeanOfSum(Variant[MeanOfSumStep]):
    """The mean of a sum."""

    kernel: ClassVar[str] = "mcuq_mean_of_sum_s32"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT32,)

    def call(self) -> KernelCall:
        op = self.op
        fields = (
            ("count", elem_count(self.shapes.output)),
            ("limit", op.limit),
            ("offset", op.offset),
            ("multiplier", op.requant.multiplier[0]),
            ("shift", op.requant.shift[0]),
            ("y_zero_point", op.y_zero_point),
            ("lo", op.lo),
            ("hi", op.hi),
        )
        return KernelCall(self.kernel, fields, ())


VARIANTS: tuple[VariantType, ...] = (PortableSumRows, PortableAddRows, PortableMeanOfSum)

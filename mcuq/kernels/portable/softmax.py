"""Softmax in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import DType, elem_count, freeze
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.softmax import SoftmaxStep


class PortableSoftmax(Variant[SoftmaxStep]):
    """Softmax over rows."""

    kernel: ClassVar[str] = "mcuq_softmax_s8"
    gives: ClassVar[DType] = DType.INT8

    def call(self) -> KernelCall:
        """The exponentials of all 256 distances as a table: a code's exponential depends on nothing else."""
        shape = self.shapes.inputs[0]
        fields = (("rows", elem_count(shape[:-1])), ("count", shape[-1]))
        table = CArray("exponentials", freeze(self.op.exponentials(), "int32"), "e^(-d * scale) in Q0.31")
        return KernelCall(self.kernel, fields, (table,))


class PortableSoftmaxWiden(PortableSoftmax):
    """Softmax over rows, from int8 to int16."""

    kernel: ClassVar[str] = "mcuq_softmax_s8_s16"
    gives: ClassVar[DType] = DType.INT16


class PortableSoftmaxInt16(Variant[SoftmaxStep]):
    """Softmax over rows, int16."""

    kernel: ClassVar[str] = "mcuq_softmax_s16"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)

    def call(self) -> KernelCall:
        """The exponentials of a distance's low and high bits, which are multiplied."""
        shape = self.shapes.inputs[0]
        fields = (("rows", elem_count(shape[:-1])), ("count", shape[-1]))
        tables = (
            CArray("fine", freeze(self.op.exponentials(), "int32"), "e^(-d * scale) in Q0.31"),
            CArray("coarse", freeze(self.op.exponentials(8), "int32"), "e^(-256 * d * scale) in Q0.31"),
        )
        return KernelCall(self.kernel, fields, tables)


VARIANTS: tuple[VariantType, ...] = (PortableSoftmax, PortableSoftmaxWiden, PortableSoftmaxInt16)

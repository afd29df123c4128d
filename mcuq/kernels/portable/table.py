"""Tables in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import elem_count
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.table import TableStep


class PortableTable(Variant[TableStep]):
    """Any function of one code."""

    kernel: ClassVar[str] = "mcuq_table_s8"

    def call(self) -> KernelCall:
        table = CArray("table", self.op.table, "y for x = -128 to 127")
        return KernelCall(self.kernel, (("count", elem_count(self.shapes.output)),), (table,))


VARIANTS: tuple[VariantType, ...] = (PortableTable,)

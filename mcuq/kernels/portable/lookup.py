"""Rows of a constant table in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import DType, elem_count
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.lookup import GatherStep


class PortableGather(Variant[GatherStep]):
    """Rows by int32 indices."""

    kernel: ClassVar[str] = "mcuq_gather_s8"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT32,)

    def call(self) -> KernelCall:
        """What lies before and behind the rows' axis is one run each."""
        table, axis = self.op.table, self.op.axis
        fields = (
            ("outer", elem_count(table.shape[:axis])),
            ("rows", table.shape[axis]),
            ("inner", elem_count(table.shape[axis + 1 :])),
            ("count", elem_count(self.shapes.inputs[0])),
        )
        codes = CArray("table", table.reshape(-1), f"codes {list(table.shape)}")
        return KernelCall(self.kernel, fields, (codes,))


class PortableGatherNarrow(PortableGather):
    """Rows by int8 indices."""

    kernel: ClassVar[str] = "mcuq_gather_narrow_s8"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT8,)


VARIANTS: tuple[VariantType, ...] = (PortableGather, PortableGatherNarrow)

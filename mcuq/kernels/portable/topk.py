"""The largest codes in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import KernelCall
from mcuq.ir.types import elem_count
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.topk import TopKStep


class PortableTopK(Variant[TopKStep]):
    """The largest codes of each row, kept in order while the row is read."""

    kernel: ClassVar[str] = "mcuq_topk_s8"

    def call(self) -> KernelCall:
        shape = self.shapes.inputs[0]
        fields = (("rows", elem_count(shape[:-1])), ("count", shape[-1]), ("k", self.op.k))
        return KernelCall(self.kernel, fields, ())


VARIANTS: tuple[VariantType, ...] = (PortableTopK,)

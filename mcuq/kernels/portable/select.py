"""One of two tensors in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import KernelCall
from mcuq.kernels.portable.strides import broadcast_fields, broadcast_refusal
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.select import SelectStep


class PortableSelect(Variant[SelectStep]):
    """One of two tensors, element by element."""

    kernel: ClassVar[str] = "mcuq_select_s8"

    def refuse(self) -> str | None:
        """Up to four loops."""
        return broadcast_refusal(self.shapes.inputs, self.shapes.output)

    def call(self) -> KernelCall:
        """Strides of 0 repeat an operand."""
        fields = broadcast_fields(("c", "a", "b"), self.shapes.inputs, self.shapes.output)
        return KernelCall(self.kernel, (*fields, ("limit", self.op.limit)), ())


VARIANTS: tuple[VariantType, ...] = (PortableSelect,)

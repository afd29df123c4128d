"""Index of the largest code in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import KernelCall
from mcuq.ir.types import elem_count
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.argmax import ArgMaxStep


class PortableArgMax(Variant[ArgMaxStep]):
    """Index of the first largest code."""

    kernel: ClassVar[str] = "mcuq_argmax_s8"

    def refuse(self) -> str | None:
        """Of equal codes the first."""
        return "it takes the first of equal codes" if self.op.is_last else None

    def call(self) -> KernelCall:
        return _call(self)


class PortableLastArgMax(Variant[ArgMaxStep]):
    """Index of the last largest code."""

    kernel: ClassVar[str] = "mcuq_argmax_last_s8"

    def refuse(self) -> str | None:
        """Of equal codes the last."""
        return None if self.op.is_last else "it takes the last of equal codes"

    def call(self) -> KernelCall:
        return _call(self)


def _call(variant: Variant[ArgMaxStep]) -> KernelCall:
    shape = variant.shapes.inputs[0]
    return KernelCall(variant.kernel, (("rows", elem_count(shape[:-1])), ("count", shape[-1])), ())


VARIANTS: tuple[VariantType, ...] = (PortableArgMax, PortableLastArgMax)

"""Index of the largest code in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import KernelCall
from mcuq.ir.types import elem_count
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.argmax import ArgMaxStep


class PortableArgMax(Variant[ArgMaxStep]):
    """Index of the largest code."""

    kernel: ClassVar[str] = "mcuq_argmax_s8"

    def call(self) -> KernelCall:
        shape = self.shapes.inputs[0]
        return KernelCall(self.kernel, (("rows", elem_count(shape[:-1])), ("count", shape[-1])), ())


VARIANTS: tuple[VariantType, ...] = (PortableArgMax,)

"""Limits on codes in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import KernelCall
from mcuq.ir.types import DType, elem_count
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.unary import ClipStep


class PortableClip(Variant[ClipStep]):
    """Limits on codes."""

    kernel: ClassVar[str] = "mcuq_clip_s8"

    def call(self) -> KernelCall:
        fields = (("count", elem_count(self.shapes.output)), ("lo", self.op.lo), ("hi", self.op.hi))
        return KernelCall(self.kernel, fields, ())


class PortableClipInt16(PortableClip):
    """Limits on int16 codes."""

    kernel: ClassVar[str] = "mcuq_clip_s16"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)


VARIANTS: tuple[VariantType, ...] = (PortableClip, PortableClipInt16)

"""Constants and copies in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import DType, elem_count
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.constant import ConstantStep, CopyStep


class PortableCopy(Variant[CopyStep]):
    """The same codes in another place."""

    kernel: ClassVar[str] = "mcuq_copy_s8"

    def call(self) -> KernelCall:
        return KernelCall(self.kernel, (("count", elem_count(self.shapes.output)),), ())


class PortableCopyInt16(PortableCopy):
    """The same int16 codes in another place."""

    kernel: ClassVar[str] = "mcuq_copy_s16"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)


class PortableCopyInt32(PortableCopy):
    """The same int32 values in another place."""

    kernel: ClassVar[str] = "mcuq_copy_s32"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT32,)


class PortableConstant(Variant[ConstantStep]):
    """A constant tensor."""

    kernel: ClassVar[str] = "mcuq_constant_s8"

    def call(self) -> KernelCall:
        values = CArray("values", self.op.codes.reshape(-1), f"codes {list(self.op.codes.shape)}")
        return KernelCall(self.kernel, (("count", elem_count(self.shapes.output)),), (values,))


class PortableConstantInt16(PortableConstant):
    """A constant tensor of int16 codes."""

    kernel: ClassVar[str] = "mcuq_constant_s16"
    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT16,)


VARIANTS: tuple[VariantType, ...] = (
    PortableCopy,
    PortableCopyInt16,
    PortableCopyInt32,
    PortableConstant,
    PortableConstantInt16,
)

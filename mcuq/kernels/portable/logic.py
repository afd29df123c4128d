"""Truth values in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import KernelCall
from mcuq.ir.types import DType, elem_count
from mcuq.kernels.portable.strides import broadcast_fields, broadcast_refusal
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.logic import CompareStep, LogicStep, ThresholdStep


class PortableThreshold(Variant[ThresholdStep]):
    """Relations of whole numbers to a number."""

    kernel: ClassVar[str] = "mcuq_threshold_s32"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT32,)

    def call(self) -> KernelCall:
        op = self.op
        limits = (("lo", op.lo), ("hi", op.hi), ("negated", int(op.is_negated)))
        return KernelCall(self.kernel, (("count", elem_count(self.shapes.output)), *limits), ())


class PortableCompare(Variant[CompareStep]):
    """Relations of two tensors."""

    kernel: ClassVar[str] = "mcuq_compare_s8"

    def refuse(self) -> str | None:
        """Up to four loops."""
        return broadcast_refusal(self.shapes.inputs, self.shapes.output)

    def call(self) -> KernelCall:
        """Strides of 0 repeat an operand."""
        op = self.op
        fields = broadcast_fields(("a", "b"), self.shapes.inputs, self.shapes.output)
        for name, zero_point, scale in (
            ("a", op.a_zero_point, op.a_requant),
            ("b", op.b_zero_point, op.b_requant),
        ):
            fields += (
                (f"{name}_zero_point", zero_point),
                (f"{name}_multiplier", scale.multiplier[0]),
                (f"{name}_shift", scale.shift[0]),
            )
        fields += (("lo", op.lo), ("hi", op.hi), ("negated", int(op.is_negated)))
        return KernelCall(self.kernel, fields, ())


class PortableLogic(Variant[LogicStep]):
    """Functions of two truth values."""

    kernel: ClassVar[str] = "mcuq_logic_s8"

    def refuse(self) -> str | None:
        """Up to four loops."""
        return broadcast_refusal(self.shapes.inputs, self.shapes.output)

    def call(self) -> KernelCall:
        """Strides of 0 repeat an operand."""
        op = self.op
        fields = broadcast_fields(("a", "b"), self.shapes.inputs, self.shapes.output)
        fields += (("truth", op.truth), ("a_limit", op.a_limit), ("b_limit", op.b_limit))
        return KernelCall(self.kernel, fields, ())


VARIANTS: tuple[VariantType, ...] = (PortableThreshold, PortableCompare, PortableLogic)

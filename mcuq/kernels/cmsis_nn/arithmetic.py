"""Sums and products by CMSIS-NN."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import KernelCall
from mcuq.ir.types import DType, elem_count
from mcuq.kernels.cmsis_nn.calls import LibraryCall, scale_refusal
from mcuq.kernels.fields import Fields
from mcuq.kernels.variant import StepShapes, VariantType
from mcuq.ops.arithmetic import LEFT_SHIFT, AddStep, MulStep


def _shape_refusal(shapes: StepShapes) -> str | None:
    if len({*shapes.inputs, shapes.output}) > 1:
        return f"the library does not broadcast: {', '.join(map(str, shapes.inputs))}"
    return None


def _code_fields(shapes: StepShapes, zero_points: tuple[int, int, int], limits: tuple[int, int]) -> Fields:
    """How many codes, offsets of a, b and y with the library's signs, and limits."""
    a, b, y = zero_points
    offsets = (("a_offset", -a), ("b_offset", -b), ("y_offset", y))
    return (("count", elem_count(shapes.output)), *offsets, ("lo", limits[0]), ("hi", limits[1]))


class CmsisAdd(LibraryCall[AddStep]):
    """Addition of equal shapes by `arm_elementwise_add_s8`."""

    kernel: ClassVar[str] = "mcuq_cmsis_nn_add_s8"

    def refuse(self) -> str | None:
        if self.op.is_subtraction:
            return "the library has no subtraction"
        largest = 255 << LEFT_SHIFT[DType.INT8]
        op = self.op
        return (
            _shape_refusal(self.shapes)
            or scale_refusal(op.a_requant, largest)
            or scale_refusal(op.b_requant, largest)
            or scale_refusal(op.y_requant, largest)
        )

    def call(self) -> KernelCall:
        """Three scales; operands come with 20 more bits."""
        op = self.op
        scales = (("a", op.a_requant), ("b", op.b_requant), ("y", op.y_requant))
        fields = [
            (f"{operand}_{name}", values[0])
            for operand, scale in scales
            for name, values in (("multiplier", scale.multiplier), ("shift", scale.shift))
        ]
        bits = ("left_shift", LEFT_SHIFT[DType.INT8])
        codes = _code_fields(self.shapes, (op.a_zero_point, op.b_zero_point, op.y_zero_point), (op.lo, op.hi))
        return self.library_call((*codes, *fields, bits), ())


class CmsisMul(LibraryCall[MulStep]):
    """Multiplication of equal shapes by `arm_elementwise_mul_s8`."""

    kernel: ClassVar[str] = "mcuq_cmsis_nn_mul_s8"

    def refuse(self) -> str | None:
        return _shape_refusal(self.shapes) or scale_refusal(self.op.requant, 255 * 255)

    def call(self) -> KernelCall:
        """One scale."""
        op, scale = self.op, self.op.requant
        fields = (("y_multiplier", scale.multiplier[0]), ("y_shift", scale.shift[0]))
        codes = _code_fields(self.shapes, (op.a_zero_point, op.b_zero_point, op.y_zero_point), (op.lo, op.hi))
        return self.library_call((*codes, *fields), ())


VARIANTS: tuple[VariantType, ...] = (CmsisAdd, CmsisMul)

"""Arithmetic of two operands in plain C."""

from __future__ import annotations

import abc
import dataclasses
from typing import ClassVar, TypeVar

from mcuq.ir.plan import KernelCall
from mcuq.ir.program import StepOp
from mcuq.ir.types import DType, elem_count
from mcuq.kernels.fields import Fields
from mcuq.kernels.portable.planes import find_plane
from mcuq.kernels.portable.strides import broadcast_fields, broadcast_refusal
from mcuq.kernels.terms import element_terms
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.ops.arithmetic import AddStep, MulStep

S = TypeVar("S", bound=StepOp)


class _Operands(Variant[S]):
    """An operator of two operands, whatever their shapes."""

    @abc.abstractmethod
    def operand_fields(self) -> Fields:
        """Zero points, scales and limits."""

    def terms(self) -> Terms:
        """The same work for every element."""
        return element_terms(self.shapes)


class _EqualShapes(_Operands[S]):
    """Operands and output have one shape."""

    def refuse(self) -> str | None:
        shapes = {*self.shapes.inputs, self.shapes.output}
        return None if len(shapes) == 1 else f"the shapes differ: {', '.join(map(str, self.shapes.inputs))}"

    def call(self) -> KernelCall:
        """One loop over all elements."""
        count = elem_count(self.shapes.output)
        return KernelCall(self.kernel, (("count", count), *self.operand_fields()), ())


class _Broadcast(_Operands[S]):
    """Operands are repeated along axes."""

    def refuse(self) -> str | None:
        """Up to four loops."""
        return broadcast_refusal(self.shapes.inputs, self.shapes.output)

    def call(self) -> KernelCall:
        """Strides of 0 repeat an operand."""
        loops = broadcast_fields(("a", "b"), self.shapes.inputs, self.shapes.output)
        return KernelCall(self.kernel, (*loops, *self.operand_fields()), ())


class PlaneAdd(Variant[AddStep]):
    """Addition of any shapes as one plane of integers, where one gives the code of every pair."""

    kernel: ClassVar[str] = "mcuq_add_s8_plane"

    def refuse(self) -> str | None:
        """Up to four loops, and a plane."""
        if find_plane(self.op) is None:
            return "no plane of integers gives its codes"
        return broadcast_refusal(self.shapes.inputs, self.shapes.output)

    def call(self) -> KernelCall:
        """Strides of 0 repeat an operand."""
        plane = find_plane(self.op)
        assert plane is not None
        loops = broadcast_fields(("a", "b"), self.shapes.inputs, self.shapes.output)
        fields = tuple((each.name, getattr(plane, each.name)) for each in dataclasses.fields(plane))
        return KernelCall(self.kernel, (*loops, *fields, ("lo", self.op.lo), ("hi", self.op.hi)), ())

    def terms(self) -> Terms:
        """Elements, and rows along the last axis that operands do not step through alike."""
        elements = elem_count(self.shapes.output)
        sizes = dict(broadcast_fields(("a", "b"), self.shapes.inputs, self.shapes.output))
        return {"elements": elements, "rows": elements // sizes["size_3"], "calls": 1}


class PortableAdd(_EqualShapes[AddStep]):
    """Addition of equal shapes: three requantizations per element."""

    kernel: ClassVar[str] = "mcuq_add_s8"

    def operand_fields(self) -> Fields:
        return _add_fields(self.op)


class PortableAddBroadcast(_Broadcast[AddStep]):
    """Addition with broadcasting: three requantizations per element."""

    kernel: ClassVar[str] = "mcuq_add_broadcast_s8"

    def operand_fields(self) -> Fields:
        """A sign, the scales of operands and output, limits."""
        return _add_fields(self.op)


def _add_fields(op: AddStep) -> Fields:
    operands = (
        ("a", op.a_zero_point, op.a_requant),
        ("b", op.b_zero_point, op.b_requant),
        ("y", op.y_zero_point, op.y_requant),
    )
    fields: Fields = (("sign", -1 if op.is_subtraction else 1),)
    for name, zero_point, scale in operands:
        fields += (
            (f"{name}_zero_point", zero_point),
            (f"{name}_multiplier", scale.multiplier[0]),
            (f"{name}_shift", scale.shift[0]),
        )
    return (*fields, ("lo", op.lo), ("hi", op.hi))


class PortableMul(_EqualShapes[MulStep]):
    """Multiplication of equal shapes: one requantization per element."""

    kernel: ClassVar[str] = "mcuq_mul_s8"

    def operand_fields(self) -> Fields:
        return _mul_fields(self.op)


class PortableMulBroadcast(_Broadcast[MulStep]):
    """Multiplication with broadcasting: one requantization per element."""

    kernel: ClassVar[str] = "mcuq_mul_broadcast_s8"

    def operand_fields(self) -> Fields:
        return _mul_fields(self.op)


def _mul_fields(op: MulStep) -> Fields:
    return (
        ("a_zero_point", op.a_zero_point),
        ("b_zero_point", op.b_zero_point),
        ("y_zero_point", op.y_zero_point),
        ("multiplier", op.requant.multiplier[0]),
        ("shift", op.requant.shift[0]),
        ("lo", op.lo),
        ("hi", op.hi),
    )


class PortableAddInt16(PortableAdd):
    """Addition of equal shapes, int16."""

    kernel: ClassVar[str] = "mcuq_add_s16"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)


class PortableMulInt16(PortableMul):
    """Multiplication of equal shapes, int16."""

    kernel: ClassVar[str] = "mcuq_mul_s16"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)


class PortableAddBroadcastInt16(PortableAddBroadcast):
    """Addition with broadcasting, int16."""

    kernel: ClassVar[str] = "mcuq_add_broadcast_s16"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)


class PortableMulBroadcastInt16(PortableMulBroadcast):
    """Multiplication with broadcasting, int16."""

    kernel: ClassVar[str] = "mcuq_mul_broadcast_s16"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)


VARIANTS: tuple[VariantType, ...] = (
    PlaneAdd,
    PortableAdd,
    PortableAddBroadcast,
    PortableAddInt16,
    PortableMul,
    PortableMulBroadcast,
    PortableMulInt16,
    PortableAddBroadcastInt16,
    PortableMulBroadcastInt16,
)

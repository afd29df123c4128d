"""Arithmetic of two operands for DSP cores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import DType, elem_count, freeze
from mcuq.kernels.armv7em.mixed import FAST_LIMITS
from mcuq.kernels.armv7em.requantize import NEEDS, scale_refusal
from mcuq.kernels.fields import Fields
from mcuq.kernels.portable.arithmetic import PlaneAdd
from mcuq.kernels.portable.strides import broadcast_fields, broadcast_refusal
from mcuq.kernels.terms import element_terms
from mcuq.kernels.variant import StepShapes, Terms, Variant, VariantType
from mcuq.ops.arithmetic import AddStep, MulStep

_SUMS = 2**30
_MOST_RIGHT = 30
_HALF = 2**30  # as a multiplier


class DspPlaneAdd(PlaneAdd):
    """Addition of any shapes as one plane of integers, saturated by one instruction."""

    kernel: ClassVar[str] = "mcuq_add_s8_plane_dsp"
    needs: ClassVar[tuple[str, ...]] = NEEDS

    def terms(self) -> Terms:
        """Rows of which both operands step, and another pass where limits are narrower than int8."""
        sizes, elements = _walk(self.shapes), elem_count(self.shapes.output)
        is_dense = sizes["a_stride_3"] != 0 and sizes["b_stride_3"] != 0
        is_limited = (self.op.lo, self.op.hi) != (-128, 127)
        return {**super().terms(), "dense": elements * is_dense, "limited": elements * is_limited}


class TableAdd(Variant[AddStep]):
    """Addition of equal shapes from two tables."""

    kernel: ClassVar[str] = "mcuq_add_s8_table"
    needs: ClassVar[tuple[str, ...]] = NEEDS
    min_count: ClassVar[int] = 512  # below, the tables cost more flash than they are worth

    def refuse(self) -> str | None:
        """Equal shapes, enough elements, and the shortcut's conditions."""
        if len({*self.shapes.inputs, self.shapes.output}) > 1:
            return f"the shapes differ: {', '.join(map(str, self.shapes.inputs))}"
        if elem_count(self.shapes.output) < self.min_count:
            return f"{elem_count(self.shapes.output)} elements are too few for two tables of 1 KiB"
        if max(abs(int(self.op.operand_table(i)[j])) for i in (0, 1) for j in (0, -1)) >= 2**29:
            return "the operands' sums reach 2^30"
        return scale_refusal(self.op.y_requant)

    def call(self) -> KernelCall:
        """Twice what each code of an operand adds: the doubling that the product needs is done."""
        fields: Fields = (
            ("count", elem_count(self.shapes.output)),
            ("multiplier", self.op.y_requant.multiplier[0]),
            ("right", -self.op.y_requant.shift[0]),
            ("y_zero_point", self.op.y_zero_point),
            ("lo", self.op.lo),
            ("hi", self.op.hi),
        )
        arrays = tuple(
            CArray(
                f"{name}_table",
                freeze(2 * self.op.operand_table(index), "int32"),
                f"twice the addends of {name}",
            )
            for index, name in enumerate("ab")
        )
        return KernelCall(self.kernel, fields, arrays)

    def terms(self) -> Terms:
        return element_terms(self.shapes)

    def passes(self) -> Mapping[str, int]:
        """A load from each table for each element."""
        return dict.fromkeys(("a_table", "b_table"), elem_count(self.shapes.output) // 256)


def _right_refusal(right: int, rounding: Rounding) -> str | None:
    """Why three instructions do not requantize, or None."""
    if rounding is not Rounding.DOUBLE:
        return "the rounding contract is 'single', the kernel rounds twice"
    if not 1 <= right <= _MOST_RIGHT:
        return f"the right shift is {right}, the kernel takes 1 to {_MOST_RIGHT}"
    return None


def _unit(scale: Requant) -> tuple[int, int]:
    """What codes are multiplied by, and the right shift: a half without a shift is that of the double."""
    right = -scale.shift[0]
    return (1 << 22, 1) if (scale.multiplier[0], right) == (_HALF, 0) else (1 << 21, right)


def _row_terms(shapes: StepShapes) -> Terms:
    """Elements, and rows along the last axis that operands do not step through alike."""
    elements = elem_count(shapes.output)
    return {"elements": elements, "rows": elements // _walk(shapes)["size_3"], "calls": 1}


def _walk(shapes: StepShapes) -> dict[str, int]:
    return dict(broadcast_fields(("a", "b"), shapes.inputs, shapes.output))


class DspAdd(Variant[AddStep]):
    """Addition of any shapes: the addends of an operand first, then all sums."""

    kernel: ClassVar[str] = "mcuq_add_s8_dsp"
    needs: ClassVar[tuple[str, ...]] = NEEDS

    def refuse(self) -> str | None:
        """Up to four loops, right shifts, and sums within the bound of the shortcut."""
        op = self.op
        rights = (_unit(op.a_requant)[1], _unit(op.b_requant)[1], -op.y_requant.shift[0])
        refused = (_right_refusal(right, op.y_requant.rounding) for right in rights)
        reason = next(filter(None, refused), None)
        reason = reason or broadcast_refusal(self.shapes.inputs, self.shapes.output)
        if reason is None and sum(int(abs(op.operand_table(i)).max()) for i in (0, 1)) >= _SUMS:
            return "the operands' sums reach 2^30"
        return reason

    def call(self) -> KernelCall:
        """Strides of 0 repeat an operand."""
        op, shapes = self.op, self.shapes
        fields = broadcast_fields(("a", "b"), shapes.inputs, shapes.output)
        fields += (("sign", -1 if op.is_subtraction else 1),)
        operands = (("a", op.a_zero_point, op.a_requant), ("b", op.b_zero_point, op.b_requant))
        for name, zero_point, scale in operands:
            unit, right = _unit(scale)
            fields += ((f"{name}_zero_point", zero_point), (f"{name}_unit", unit))
            fields += ((f"{name}_multiplier", scale.multiplier[0]), (f"{name}_right", right))
        fields += (
            ("y_zero_point", op.y_zero_point),
            ("y_multiplier", op.y_requant.multiplier[0]),
            ("y_right", -op.y_requant.shift[0]),
        )
        return KernelCall(self.kernel, (*fields, ("lo", op.lo), ("hi", op.hi)), ())

    def terms(self) -> Terms:
        """Another pass over rows of which neither operand repeats a code."""
        sizes = _walk(self.shapes)
        is_stepping = sizes["a_stride_3"] != 0 and sizes["b_stride_3"] != 0
        return {**_row_terms(self.shapes), "second": elem_count(self.shapes.output) * is_stepping}


class DspMul(Variant[MulStep]):
    """Multiplication of any shapes."""

    kernel: ClassVar[str] = "mcuq_mul_s8_dsp"
    needs: ClassVar[tuple[str, ...]] = NEEDS

    def refuse(self) -> str | None:
        """Up to four loops, and shifts within the bounds of the shortcut."""
        requant = self.op.requant
        reason = _right_refusal(-requant.shift[0], requant.rounding)
        return reason or broadcast_refusal(self.shapes.inputs, self.shapes.output)

    def call(self) -> KernelCall:
        """Strides of 0 repeat an operand."""
        op, shapes = self.op, self.shapes
        fields: Fields = (
            *broadcast_fields(("a", "b"), shapes.inputs, shapes.output),
            ("a_zero_point", op.a_zero_point),
            ("b_zero_point", op.b_zero_point),
            ("y_zero_point", op.y_zero_point),
            ("multiplier", op.requant.multiplier[0]),
            ("right", -op.requant.shift[0]),
            ("lo", op.lo),
            ("hi", op.hi),
        )
        return KernelCall(self.kernel, fields, ())

    def terms(self) -> Terms:
        return _row_terms(self.shapes)


class WideAdd(Variant[AddStep]):
    """Addition of equal shapes, int16: two codes in a word."""

    kernel: ClassVar[str] = "mcuq_add_s16_dsp"
    needs: ClassVar[tuple[str, ...]] = NEEDS
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)

    def refuse(self) -> str | None:
        """Equal shapes around zero, and a sum that the shortcut takes."""
        op = self.op
        if self.shapes.inputs[0] != self.shapes.inputs[1]:
            return "the shapes differ"
        if (op.a_zero_point, op.b_zero_point, op.y_zero_point) != (0, 0, 0):
            return "a zero point is not 0"
        ends = [(int(table.min()), int(table.max())) for table in map(op.operand_table, (0, 1))]
        if sum(lo for lo, _ in ends) < -(2**30) or sum(hi for _, hi in ends) >= 2**30:
            return "a sum reaches 2^30"
        return scale_refusal(op.y_requant)

    def call(self) -> KernelCall:
        """One loop over all elements."""
        op = self.op
        fields: Fields = (("count", elem_count(self.shapes.output)), ("sign", -1 if op.is_subtraction else 1))
        for name, scale in (("a", op.a_requant), ("b", op.b_requant), ("y", op.y_requant)):
            right = -scale.shift[0]
            fields += (
                (f"{name}_multiplier", scale.multiplier[0]),
                (f"{name}_right", right),
                (f"{name}_half", 1 << (right - 1) if right else 0),
            )
        ends = (("lo", op.lo), ("hi", op.hi), ("exact", self._exact()))
        return KernelCall(self.kernel, (*fields, *ends), ())

    def _exact(self) -> int:
        """Which operand, 1 or 2, is halved and the other shifted, in a sum limited by an instruction."""
        op = self.op
        if op.is_subtraction or (op.lo, op.hi) not in FAST_LIMITS:
            return 0
        scales = [(scale.multiplier[0], scale.shift[0]) for scale in (op.a_requant, op.b_requant)]
        for mine, other in ((0, 1), (1, 0)):
            if scales[mine] == (2**30, 0) and scales[other][1] < 0:
                return mine + 1
        return 0

    def terms(self) -> Terms:
        """The same work for every element, less of it where an operand is halved."""
        count = elem_count(self.shapes.output)
        return {"halved_elements" if self._exact() else "elements": count, "calls": 1}


VARIANTS: tuple[VariantType, ...] = (
    DspPlaneAdd,
    TableAdd,
    DspAdd,
    DspMul,
    WideAdd,
)

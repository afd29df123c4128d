"""Arithmetic of two operands for DSP cores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import elem_count, freeze
from mcuq.kernels.armv7em.requantize import NEEDS, scale_refusal
from mcuq.kernels.fields import Fields
from mcuq.kernels.terms import element_terms
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.ops.arithmetic import AddStep


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


VARIANTS: tuple[VariantType, ...] = (TableAdd,)

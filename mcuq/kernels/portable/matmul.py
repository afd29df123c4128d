"""Products of two tensors in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.layout import permute
from mcuq.ir.plan import KernelCall
from mcuq.ir.types import CODE_TYPES, DType, Shape, elem_count
from mcuq.kernels.fields import Fields
from mcuq.kernels.portable.strides import loops_refusal, merge_axes, row_major_strides
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.ops.matmul import MatMulStep

_LOOPS = 3


class PortableMatMul(Variant[MatMulStep]):
    """A product at a time, of factors in any order of axes."""

    kernel: ClassVar[str] = "mcuq_matmul_s8"
    gives: ClassVar[DType | None] = DType.INT8

    def refuse(self) -> str | None:
        """Up to three loops over matrices."""
        return loops_refusal(len(self.matrices()[0]), _LOOPS, "loops over matrices")

    def strides(self) -> tuple[tuple[int, ...], ...]:
        """Elements between neighbours along the axes of the transposed factors, 0 where one is repeated."""
        rank = len(self.shapes.output)
        found = []
        for shape, perm in zip(self.shapes.inputs, (self.op.a_perm, self.op.b_perm), strict=True):
            turned = permute(shape, perm)
            steps = permute(row_major_strides(shape), perm)
            own = tuple(0 if size == 1 else step for size, step in zip(turned, steps, strict=True))
            found.append((0,) * (rank - len(own)) + own)
        return tuple(found)

    def matrices(self) -> tuple[Shape, tuple[tuple[int, ...], ...]]:
        """The loops over matrices."""
        a, b = self.strides()
        return merge_axes(self.shapes.output[:-2], [a[:-2], b[:-2]])

    def call(self) -> KernelCall:
        """Strides."""
        op, (a, b) = self.op, self.strides()
        sizes, (a_lead, b_lead) = self.matrices()
        missing = _LOOPS - len(sizes)
        columns = (
            ("size", (1,) * missing + sizes),
            ("a_stride", (0,) * missing + a_lead),
            ("b_stride", (0,) * missing + b_lead),
        )
        fields = (
            *((f"{name}_{axis}", value) for name, values in columns for axis, value in enumerate(values)),
            ("rows", self.shapes.output[-2]),
            ("depth", op.depth),
            ("columns", self.shapes.output[-1]),
            ("a_row", a[-2]),
            ("a_step", a[-1]),
            ("b_step", b[-2]),
            ("b_column", b[-1]),
            *self.zero_point_fields(),
            *self.scale_fields(),
            ("lo", op.lo),
            ("hi", op.hi),
        )
        return KernelCall(self.kernel, fields, (), scratch_bytes=self.scratch_bytes())

    def zero_point_fields(self) -> Fields:
        """Of factors and product, where they may be other than 0."""
        op = self.op
        return (
            ("a_zero_point", op.a_zero_point),
            ("b_zero_point", op.b_zero_point),
            ("y_zero_point", op.y_zero_point),
        )

    def scale_fields(self) -> Fields:
        """How sums become codes."""
        return (("multiplier", self.op.requant.multiplier[0]), ("shift", self.op.requant.shift[0]))

    def scratch_bytes(self) -> int:
        """None."""
        return 0

    def terms(self) -> Terms | None:
        """A product for every output and element of the depth."""
        outputs = elem_count(self.shapes.output)
        return {"products": outputs * self.op.depth, "outputs": outputs, "calls": 1}


class _WideMatMul(PortableMatMul):
    """One of int16 somewhere, whose sums are limited."""

    def scale_fields(self) -> Fields:
        return (*super().scale_fields(), ("limit", self.op.limit))

    def terms(self) -> Terms | None:
        """Nobody has to choose."""
        return None


class PortableMatMulWiden(_WideMatMul):
    """Of int8 in int16."""

    kernel: ClassVar[str] = "mcuq_matmul_s8_s16"
    gives: ClassVar[DType | None] = DType.INT16

    def zero_point_fields(self) -> Fields:
        return (("a_zero_point", self.op.a_zero_point), ("b_zero_point", self.op.b_zero_point))


class PortableMatMulOfInt16(_WideMatMul):
    """Of int16 and int8 in int8."""

    kernel: ClassVar[str] = "mcuq_matmul_s16_s8"
    takes: ClassVar[tuple[DType, ...]] = CODE_TYPES

    def refuse(self) -> str | None:
        """The first factor alone is int16."""
        return "it takes an int16 first factor" if self.op.a_type is not DType.INT16 else super().refuse()

    def zero_point_fields(self) -> Fields:
        return (("b_zero_point", self.op.b_zero_point), ("y_zero_point", self.op.y_zero_point))


VARIANTS: tuple[VariantType, ...] = (PortableMatMul, PortableMatMulWiden, PortableMatMulOfInt16)

"""Softmax in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import DType, Shape, elem_count, freeze
from mcuq.kernels.portable.strides import broadcast_strides, loops_refusal, merge_axes
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.ops.softmax import MaskedSoftmaxStep, SoftmaxStep


class PortableSoftmax(Variant[SoftmaxStep]):
    """Softmax over rows."""

    kernel: ClassVar[str] = "mcuq_softmax_s8"
    gives: ClassVar[DType] = DType.INT8

    def call(self) -> KernelCall:
        """The exponentials of all 256 distances as a table: a code's exponential depends on nothing else."""
        shape = self.shapes.inputs[0]
        fields = (("rows", elem_count(shape[:-1])), ("count", shape[-1]))
        table = CArray("exponentials", freeze(self.op.exponentials(), "int32"), "e^(-d * scale) in Q0.31")
        return KernelCall(self.kernel, fields, (table,))

    def terms(self) -> Terms:
        """The same work for every element, and a reciprocal for every row."""
        shape = self.shapes.inputs[0]
        return {"elements": elem_count(shape), "rows": elem_count(shape[:-1]), "calls": 1}


class PortableSoftmaxWiden(PortableSoftmax):
    """Softmax over rows, from int8 to int16."""

    kernel: ClassVar[str] = "mcuq_softmax_s8_s16"
    gives: ClassVar[DType] = DType.INT16


class PortableSoftmaxInt16(Variant[SoftmaxStep]):
    """Softmax over rows, int16."""

    kernel: ClassVar[str] = "mcuq_softmax_s16"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)
    gives: ClassVar[DType | None] = DType.INT16

    def call(self) -> KernelCall:
        """The exponentials of a distance's low and high bits, which are multiplied."""
        shape = self.shapes.inputs[0]
        fields = (("rows", elem_count(shape[:-1])), ("count", shape[-1]))
        tables = (
            CArray("fine", freeze(self.op.exponentials(), "int32"), "e^(-d * scale) in Q0.31"),
            CArray("coarse", freeze(self.op.exponentials(8), "int32"), "e^(-256 * d * scale) in Q0.31"),
        )
        return KernelCall(self.kernel, fields, tables)


class PortableMaskedSoftmax(Variant[MaskedSoftmaxStep]):
    """Softmax over those elements of rows that a mask keeps."""

    kernel: ClassVar[str] = "mcuq_masked_softmax_s8"

    def _axes(self) -> tuple[Shape, tuple[int, ...], int]:
        """Sizes and strides of the mask over rows, and its stride along them."""
        x, mask = self.shapes.inputs
        *strides, last = broadcast_strides(mask, x)
        sizes, (steps,) = merge_axes(x[:-1], [tuple(strides)])
        return sizes, steps, last

    def refuse(self) -> str | None:
        """Up to three loops over rows."""
        return loops_refusal(len(self._axes()[0]), 3, "loops over rows")

    def call(self) -> KernelCall:
        """Strides of 0 repeat the mask."""
        sizes, steps, last = self._axes()
        missing = 3 - len(sizes)
        fields = [(f"size_{axis}", size) for axis, size in enumerate((1,) * missing + sizes)]
        fields.append(("count", self.shapes.output[-1]))
        strides = ((0,) * missing) + steps + (last,)
        fields += [(f"stride_{axis}", stride) for axis, stride in enumerate(strides)]
        fields.append(("limit", self.op.limit))
        table = CArray("exponentials", freeze(self.op.exponentials(), "int32"), "e^(-d * scale) in Q0.31")
        return KernelCall(self.kernel, tuple(fields), (table,))


class PortableSoftmaxNarrow(PortableSoftmaxInt16):
    """Softmax over rows, from int16 to int8."""

    kernel: ClassVar[str] = "mcuq_softmax_s16_s8"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)
    gives: ClassVar[DType | None] = DType.INT8


VARIANTS: tuple[VariantType, ...] = (
    PortableSoftmax,
    PortableSoftmaxWiden,
    PortableSoftmaxInt16,
    PortableMaskedSoftmax,
    PortableSoftmaxNarrow,
)

"""Other orders and parts of codes in plain C."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import DType, Shape, elem_count, freeze
from mcuq.kernels.fields import Fields
from mcuq.kernels.portable.strides import loops_refusal, merge_axes, row_major_strides
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.move import ConcatStep, SliceStep, TransposeStep


def _walk_refusal(sizes: Shape, strides: tuple[int, ...]) -> str | None:
    return loops_refusal(len(merge_axes(sizes, [strides])[0]))


def _walk_fields(sizes: Shape, strides: tuple[int, ...], offset: int) -> Fields:
    merged, (steps,) = merge_axes(sizes, [strides])
    missing = 4 - len(merged)
    columns = (("size", (1,) * missing + merged), ("stride", (0,) * missing + steps))
    fields = tuple((f"{name}_{axis}", value) for name, values in columns for axis, value in enumerate(values))
    return (*fields, ("offset", offset))


class PortableTranspose(Variant[TransposeStep]):
    """Axes in another order."""

    kernel: ClassVar[str] = "mcuq_strided_copy_s8"

    def _strides(self) -> tuple[int, ...]:
        strides = row_major_strides(self.shapes.inputs[0])
        return tuple(strides[axis] for axis in self.op.perm)

    def refuse(self) -> str | None:
        """Up to four loops."""
        return _walk_refusal(self.shapes.output, self._strides())

    def call(self) -> KernelCall:
        """A walk through the input in the output's order."""
        return KernelCall(self.kernel, _walk_fields(self.shapes.output, self._strides(), 0), ())


class PortableSlice(Variant[SliceStep]):
    """A part of the codes."""

    kernel: ClassVar[str] = "mcuq_strided_copy_s8"

    def _strides(self) -> tuple[int, ...]:
        strides = row_major_strides(self.shapes.inputs[0])
        return tuple(stride * step for stride, step in zip(strides, self.op.steps, strict=True))

    def refuse(self) -> str | None:
        """Up to four loops."""
        return _walk_refusal(self.shapes.output, self._strides())

    def call(self) -> KernelCall:
        """A walk through a part of the input."""
        strides = row_major_strides(self.shapes.inputs[0])
        offset = sum(start * stride for start, stride in zip(self.op.starts, strides, strict=True))
        return KernelCall(self.kernel, _walk_fields(self.shapes.output, self._strides(), offset), ())


class PortableSliceInt32(PortableSlice):
    """A part of whole numbers."""

    kernel: ClassVar[str] = "mcuq_strided_copy_s32"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT32,)


class PortableConcat(Variant[ConcatStep]):
    """Inputs one after the other."""

    kernel: ClassVar[str] = "mcuq_concat_s8"

    def call(self) -> KernelCall:
        """Everything from the axis on is one run."""
        runs = np.array([elem_count(shape[self.op.axis :]) for shape in self.shapes.inputs], np.int32)
        fields = (
            ("outer", elem_count(self.shapes.output[: self.op.axis])),
            ("inputs", len(self.shapes.inputs)),
        )
        array = CArray("runs", freeze(runs), "elements of each input per run")
        return KernelCall(self.kernel, fields, (array,), takes_input_list=True)


class PortableTransposeInt16(PortableTranspose):
    """Axes in another order, int16."""

    kernel: ClassVar[str] = "mcuq_strided_copy_s16"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)


class PortableSliceInt16(PortableSlice):
    """A part of int16 codes."""

    kernel: ClassVar[str] = "mcuq_strided_copy_s16"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)


class PortableConcatInt16(PortableConcat):
    """Inputs one after the other, int16."""

    kernel: ClassVar[str] = "mcuq_concat_s16"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)


VARIANTS: tuple[VariantType, ...] = (
    PortableTranspose,
    PortableSlice,
    PortableSliceInt32,
    PortableConcat,
    PortableTransposeInt16,
    PortableSliceInt16,
    PortableConcatInt16,
)

"""Moves of codes in plain C."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import Shape, elem_count, freeze
from mcuq.kernels.fields import Fields
from mcuq.kernels.portable.strides import merge_axes, row_major_strides
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.constant import ConstantStep, CopyStep
from mcuq.ops.move import ConcatStep, SliceStep, TransposeStep
from mcuq.ops.pad import PadStep
from mcuq.ops.resize import ResizeNearestStep


class PortableCopy(Variant[CopyStep]):
    """The same codes in another place."""

    kernel: ClassVar[str] = "mcuq_copy_s8"

    def call(self) -> KernelCall:
        """No constants."""
        return KernelCall(self.kernel, (("count", elem_count(self.shapes.output)),), ())


class PortablePad(Variant[PadStep]):
    """A constant border."""

    kernel: ClassVar[str] = "mcuq_pad_s8"

    def refuse(self) -> str | None:
        """Up to four groups of axes, each of which starts with one that gets a border."""
        rank = len(_padded_axes(self.op.pads, self.shapes.inputs[0]))
        return f"it pads {rank} groups of axes, the kernel takes up to 4" if rank > 4 else None

    def call(self) -> KernelCall:
        """Shapes are filled up to four axes from the left."""
        axes = _padded_axes(self.op.pads, self.shapes.inputs[0])
        axes = [(1, 0, 0)] * (4 - len(axes)) + axes
        columns = (
            ("in", [size for size, _, _ in axes]),
            ("out", [size + before + after for size, before, after in axes]),
            ("before", [before for _, before, _ in axes]),
        )
        fields = tuple((f"{name}_{axis}", size) for name, sizes in columns for axis, size in enumerate(sizes))
        return KernelCall(self.kernel, (*fields, ("value", self.op.value)), ())


def _padded_axes(pads: tuple[tuple[int, int], ...], shape: Shape) -> list[tuple[int, int, int]]:
    """Size and border of each axis; beyond four, axes without a border are one with the axis before them."""
    axes = [(size, *pair) for size, pair in zip(shape, pads, strict=True)]
    if len(axes) <= 4:
        return axes
    merged = axes[:1]
    for size, before, after in axes[1:]:
        if before or after:
            merged.append((size, before, after))
        else:
            merged[-1] = (merged[-1][0] * size, merged[-1][1] * size, merged[-1][2] * size)
    return merged


def _walk_refusal(sizes: Shape, strides: tuple[int, ...]) -> str | None:
    axes = len(merge_axes(sizes, [strides])[0])
    return f"it needs {axes} loops, the kernel has 4" if axes > 4 else None


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


class PortableResizeNearest(Variant[ResizeNearestStep]):
    """Nearest-neighbour resizing."""

    kernel: ClassVar[str] = "mcuq_resize_nearest_s8"

    def refuse(self) -> str | None:
        """Indices are int16."""
        largest = max(self.shapes.inputs[0][1:3])
        return f"the image has {largest} rows or columns, the kernel takes 32767" if largest > 32767 else None

    def call(self) -> KernelCall:
        """Rows and columns as tables."""
        x, y = self.shapes.inputs[0], self.shapes.output
        names = ("n", "in_h", "in_w", "channels", "out_h", "out_w")
        fields = tuple(zip(names, (*x, y[1], y[2]), strict=True))
        arrays = tuple(
            CArray(name, freeze(np.array(values, np.int16)), f"{name} of the input")
            for name, values in (("rows", self.op.rows), ("cols", self.op.cols))
        )
        return KernelCall(self.kernel, fields, arrays)


class PortableConstant(Variant[ConstantStep]):
    """A constant tensor."""

    kernel: ClassVar[str] = "mcuq_constant_s8"

    def call(self) -> KernelCall:
        """The codes as they are."""
        values = CArray("values", self.op.codes.reshape(-1), f"codes {list(self.op.codes.shape)}")
        return KernelCall(self.kernel, (("count", elem_count(self.shapes.output)),), (values,))


VARIANTS: tuple[VariantType, ...] = (
    PortableCopy,
    PortablePad,
    PortableTranspose,
    PortableSlice,
    PortableConcat,
    PortableResizeNearest,
    PortableConstant,
)

"""Resizing in plain C."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import DType, freeze
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.resize import Neighbours, ResizeLinearStep, ResizeNearestStep


class PortableResizeNearest(Variant[ResizeNearestStep]):
    """Nearest-neighbour resizing."""

    kernel: ClassVar[str] = "mcuq_resize_nearest_s8"

    def refuse(self) -> str | None:
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


class PortableResizeLinear(Variant[ResizeLinearStep]):
    """Linear resizing."""

    kernel: ClassVar[str] = "mcuq_resize_linear_s8"

    def refuse(self) -> str | None:
        """Indices are int16."""
        largest = max(self.shapes.inputs[0][1:3])
        return f"the image has {largest} rows or columns, the kernel takes 32767" if largest > 32767 else None

    def call(self) -> KernelCall:
        """Rows and columns and their weights as tables."""
        x, y = self.shapes.inputs[0], self.shapes.output
        names = ("n", "in_h", "in_w", "channels", "out_h", "out_w")
        fields = tuple(zip(names, (*x, y[1], y[2]), strict=True))
        return KernelCall(self.kernel, fields, (*_tables("row", self.op.rows), *_tables("col", self.op.cols)))


def _tables(name: str, axis: Neighbours) -> tuple[CArray, ...]:
    return (
        CArray(f"{name}s", freeze(np.array(axis.first, np.int16)), f"first {name}s of the input"),
        CArray(f"{name}_weights", freeze(np.array(axis.weight, np.int16)), f"weights of the {name}s behind"),
    )


class PortableResizeNearestInt16(PortableResizeNearest):
    """Nearest-neighbour resizing, int16."""

    kernel: ClassVar[str] = "mcuq_resize_nearest_s16"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)


VARIANTS: tuple[VariantType, ...] = (PortableResizeNearest, PortableResizeLinear, PortableResizeNearestInt16)

"""Borders in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import KernelCall
from mcuq.ir.types import DType, Shape
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.pad import PadStep


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


class PortablePadInt16(PortablePad):
    """A constant border of int16 codes."""

    kernel: ClassVar[str] = "mcuq_pad_s16"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)


VARIANTS: tuple[VariantType, ...] = (PortablePad, PortablePadInt16)

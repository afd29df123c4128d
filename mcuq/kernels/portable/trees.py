"""Decision trees in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import DType, elem_count
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.trees import TreesStep


class PortableTrees(Variant[TreesStep]):
    """One tree after the other, from its root to a leaf, for int8 codes."""

    kernel: ClassVar[str] = "mcuq_trees_s8"

    def call(self) -> KernelCall:
        """The table of nodes as it is; scratch for a sum per target."""
        op, x = self.op, self.shapes.inputs[0]
        fields = (
            ("rows", elem_count(x[:-1])),
            ("features", x[-1]),
            ("targets", len(op.base)),
            ("trees", len(op.roots)),
            ("y_zero_point", op.y_zero_point),
            ("multiplier", op.requant.multiplier[0]),
            ("shift", op.requant.shift[0]),
        )
        arrays = (
            CArray("records", op.records.reshape(-1), f"nodes {list(op.records.shape)}"),
            CArray("roots", op.roots, "first record of each tree"),
            CArray("base", op.base, "sums to begin with"),
        )
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=4 * len(op.base))


class PortableWideTrees(PortableTrees):
    """Likewise for int16 codes."""

    kernel: ClassVar[str] = "mcuq_trees_s16"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)


VARIANTS: tuple[VariantType, ...] = (PortableTrees, PortableWideTrees)

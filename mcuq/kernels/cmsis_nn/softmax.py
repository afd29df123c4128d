"""Softmax by CMSIS-NN."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import KernelCall
from mcuq.ir.types import DType, elem_count
from mcuq.kernels.cmsis_nn.calls import LibraryCall
from mcuq.kernels.variant import VariantType
from mcuq.ops.softmax import SoftmaxStep

# From so many near-equal classes on, the library shifts by 32.
_MAX_COUNT = 511
_MAX_SHIFT = 30


class CmsisSoftmax(LibraryCall[SoftmaxStep]):
    """Softmax over rows by `arm_softmax_s8`."""

    kernel: ClassVar[str] = "mcuq_cmsis_nn_softmax_s8"
    gives: ClassVar[DType] = DType.INT8

    def refuse(self) -> str | None:
        """Differences are shifted left, and sums to the right by at most 31."""
        if not 0 <= self.op.shift <= _MAX_SHIFT:
            return f"the library shifts differences to the left, by at most {_MAX_SHIFT}"
        if self.shapes.output[-1] > _MAX_COUNT:
            return f"rows of more than {_MAX_COUNT} codes can shift the library's sum by 32"
        return None

    def call(self) -> KernelCall:
        """The scale of differences."""
        shape = self.shapes.inputs[0]
        fields = (
            ("rows", elem_count(shape[:-1])),
            ("count", shape[-1]),
            ("multiplier", self.op.multiplier),
            ("shift", self.op.shift),
            ("diff_min", self.op.diff_min),
        )
        return self.library_call(fields, ())


VARIANTS: tuple[VariantType, ...] = (CmsisSoftmax,)

"""Softmax in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import elem_count, freeze
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.softmax import SoftmaxStep


class PortableSoftmax(Variant[SoftmaxStep]):
    """Softmax over rows."""

    kernel: ClassVar[str] = "mcuq_softmax_s8"

    def call(self) -> KernelCall:
        """The exponentials of all 256 distances as a table: a code's exponential depends on nothing else."""
        shape = self.shapes.inputs[0]
        fields = (("rows", elem_count(shape[:-1])), ("count", shape[-1]))
        table = CArray("exponentials", freeze(self.op.exponentials(), "int32"), "e^(-d * scale) in Q0.31")
        return KernelCall(self.kernel, fields, (table,))


VARIANTS: tuple[VariantType, ...] = (PortableSoftmax,)

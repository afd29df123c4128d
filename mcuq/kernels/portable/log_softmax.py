"""Logarithm of softmax in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import elem_count, freeze
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.log_softmax import LogSoftmaxStep


class PortableLogSoftmax(Variant[LogSoftmaxStep]):
    """Logarithms of softmax over rows."""

    kernel: ClassVar[str] = "mcuq_log_softmax_s8"

    def call(self) -> KernelCall:
        """The exponentials of all 256 distances as a table, as softmax has them."""
        shape, op = self.shapes.inputs[0], self.op
        fields = (
            ("rows", elem_count(shape[:-1])),
            ("count", shape[-1]),
            ("x_multiplier", op.x_requant.multiplier[0]),
            ("x_shift", op.x_requant.shift[0]),
            ("log_multiplier", op.log_requant.multiplier[0]),
            ("log_shift", op.log_requant.shift[0]),
            ("y_multiplier", op.y_requant.multiplier[0]),
            ("y_shift", op.y_requant.shift[0]),
            ("y_zero_point", op.y_zero_point),
        )
        table = CArray("exponentials", freeze(op.exponentials(), "int32"), "e^(-d * scale) in Q0.31")
        return KernelCall(self.kernel, fields, (table,))


VARIANTS: tuple[VariantType, ...] = (PortableLogSoftmax,)

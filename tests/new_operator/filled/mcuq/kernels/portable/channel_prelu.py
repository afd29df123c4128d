"""PRelu per channel in plain C."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import elem_count, freeze
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.channel_prelu import ChannelPreluStep


class PortableChannelPrelu(Variant[ChannelPreluStep]):
    """One pixel after the other."""

    kernel: ClassVar[str] = "mcuq_channel_prelu_s8"

    def call(self) -> KernelCall:
        """A multiplier and a shift per channel."""
        op = self.op
        fields = (
            ("rows", elem_count(self.shapes.output[:-1])),
            ("channels", len(op.negative.shift)),
            ("x_zero_point", op.x_zero_point),
            ("y_zero_point", op.y_zero_point),
            ("x_multiplier", op.positive.multiplier[0]),
            ("x_shift", op.positive.shift[0]),
            ("lo", op.lo),
            ("hi", op.hi),
        )
        arrays = (
            CArray("multiplier", freeze(np.array(op.negative.multiplier, np.int32)), "multipliers"),
            CArray("shift", freeze(np.array(op.negative.shift, np.int8)), "shifts, positive is left"),
        )
        return KernelCall(self.kernel, fields, arrays)


VARIANTS: tuple[VariantType, ...] = (PortableChannelPrelu,)

"""Normalization in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.kernels.fields import Fields
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.ops.normalize import NormalizeStep


class PortableNormalize(Variant[NormalizeStep]):
    """A group at a time: sums, an inverse square root, and every value again."""

    kernel: ClassVar[str] = "mcuq_normalize_s8"

    def call(self) -> KernelCall:
        """Epsilon as a number of 31 bits and a shift."""
        op = self.op
        outer, positions, groups, channels = op.grouped(self.shapes.inputs[0])
        zeros = max(op.epsilon.bit_length() - 31, 0)
        fields = (
            ("outer", outer),
            ("positions", positions),
            ("groups", groups),
            ("channels", channels),
            ("is_centred", int(op.is_centred)),
            ("offset", op.offset),
            ("epsilon", op.epsilon >> zeros),
            ("epsilon_shift", zeros),
            ("fraction", op.fraction),
            *self.own_fields(),
            ("multiplier", op.requant.multiplier[0]),
            ("shift", op.requant.shift[0]),
            ("y_zero_point", op.y_zero_point),
            ("lo", op.lo),
            ("hi", op.hi),
        )
        arrays = (CArray("gain", op.gain, "gains"), CArray("bias", op.bias, "biases"))
        return KernelCall(self.kernel, fields, arrays)

    def own_fields(self) -> Fields:
        """What a kernel wants to know besides."""
        return ()

    def terms(self) -> Terms:
        """Every value twice, in rows of channels; groups."""
        outer, positions, groups, channels = self.op.grouped(self.shapes.inputs[0])
        each = outer * groups
        return {"values": each * positions * channels, "rows": each * positions, "groups": each, "calls": 1}


VARIANTS: tuple[VariantType, ...] = (PortableNormalize,)

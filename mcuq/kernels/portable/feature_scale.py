"""Scale and shift of features in plain C."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import DType, elem_count, freeze
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.feature_scale import FeatureScaleStep


class PortableFeatureScale(Variant[FeatureScaleStep]):
    """One multiplication per element, of int8 codes."""

    kernel: ClassVar[str] = "mcuq_feature_scale_s8"

    def call(self) -> KernelCall:
        """Offsets, multipliers and shifts of the features."""
        op, x = self.op, self.shapes.inputs[0]
        fields = (("rows", elem_count(x[:-1])), ("features", x[-1]), ("y_zero_point", op.y_zero_point))
        arrays = (
            CArray("offset", op.offset, "offsets"),
            CArray("multiplier", freeze(np.array(op.requant.multiplier, np.int32)), "multipliers"),
            CArray("shift", freeze(np.array(op.requant.shift, np.int8)), "shifts, positive is left"),
        )
        return KernelCall(self.kernel, fields, arrays)


class PortableWideFeatureScale(PortableFeatureScale):
    """Likewise, of int16 codes."""

    kernel: ClassVar[str] = "mcuq_feature_scale_s16"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)


VARIANTS: tuple[VariantType, ...] = (PortableFeatureScale, PortableWideFeatureScale)

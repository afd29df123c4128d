"""The two halves of SVDF in plain C."""

from __future__ import annotations

from typing import ClassVar

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import CODE_TYPES, DType
from mcuq.kernels.fields import Fields
from mcuq.kernels.variant import Variant, VariantType
from mcuq.ops.svdf import SvdfFeatureStep, SvdfTimeStep


class PortableSvdfFeature(Variant[SvdfFeatureStep]):
    """One filter at a time: its memory moves by one place, and a sum of products takes the free one."""

    kernel: ClassVar[str] = "mcuq_svdf_feature_s8"
    takes: ClassVar[tuple[DType, ...]] = CODE_TYPES

    def call(self) -> KernelCall:
        """Weights as they are, `[F][K]`."""
        op, (rows, in_c) = self.op, self.shapes.inputs[0]
        filters = len(op.weights)
        fields = (
            ("rows", rows),
            ("in_c", in_c),
            ("filters", filters),
            ("memory", self.shapes.output[1] // filters),
            ("x_zero_point", op.x_zero_point),
            ("multiplier", op.requant.multiplier[0]),
            ("shift", op.requant.shift[0]),
        )
        packed = CArray("weights", op.weights.reshape(-1), f"weights {list(op.weights.shape)}")
        return KernelCall(self.kernel, fields, (packed,))


class PortableSvdfTime(Variant[SvdfTimeStep]):
    """One unit at a time: a sum of products in 64 bits over all that its filters remember."""

    kernel: ClassVar[str] = "mcuq_svdf_time_s16"
    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)
    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT16,)

    def call(self) -> KernelCall:
        """Weights as they are, `[F][M]`, which is `[U][F / U * M]`."""
        op, units = self.op, len(self.op.bias)
        fields: Fields = (
            ("rows", self.shapes.output[0]),
            ("units", units),
            ("depth", int(op.weights.size) // units),
            ("multiplier", op.requant.multiplier[0]),
            ("shift", op.requant.shift[0]),
            ("limit", op.limit),
            ("y_zero_point", op.y_zero_point),
            ("lo", op.lo),
            ("hi", op.hi),
        )
        weights = CArray("weights", op.weights.reshape(-1), f"weights {list(op.weights.shape)}")
        return KernelCall(self.kernel, fields, (weights, CArray("bias", op.bias, "bias")))


VARIANTS: tuple[VariantType, ...] = (PortableSvdfFeature, PortableSvdfTime)

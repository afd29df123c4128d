"""Pooling for DSP cores."""

from __future__ import annotations

from typing import ClassVar

from mcuq.kernels.armv7em.requantize import NEEDS
from mcuq.kernels.portable.pool import PortableMean
from mcuq.kernels.variant import VariantType


class DspMean(PortableMean):
    """Mean over windows inside the image, four channels at a time."""

    kernel: ClassVar[str] = "mcuq_mean_s8_dsp"
    needs: ClassVar[tuple[str, ...]] = NEEDS

    def refuse(self) -> str | None:
        channels = self.shapes.inputs[0][3]
        return None if channels >= 4 else f"it has {channels} channels, the kernel takes 4 or more"


VARIANTS: tuple[VariantType, ...] = (DspMean,)

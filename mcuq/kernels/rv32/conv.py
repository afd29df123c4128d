"""Convolutions for RV32."""

from __future__ import annotations

from typing import ClassVar

from mcuq.kernels.portable.conv import BlockedConv
from mcuq.kernels.variant import VariantType


class WideBlockedConv(BlockedConv):
    """Four channels by four windows."""

    kernel: ClassVar[str] = "mcuq_conv2d_s8_4x4"
    windows: ClassVar[int] = 4


VARIANTS: tuple[VariantType, ...] = (WideBlockedConv,)

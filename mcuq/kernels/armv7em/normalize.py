"""Normalization for DSP cores."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from mcuq.kernels.armv7em.requantize import NEEDS, scale_refusal
from mcuq.kernels.fields import Fields
from mcuq.kernels.portable.normalize import PortableNormalize
from mcuq.kernels.variant import Terms, VariantType

_SUMS = 2**30


class DspNormalize(PortableNormalize):
    """Sums of four values at a time, every value by products of 32 bits where they are exact."""

    kernel: ClassVar[str] = "mcuq_normalize_s8_dsp"
    needs: ClassVar[tuple[str, ...]] = NEEDS

    @property
    def is_short(self) -> bool:
        """Whether the shortcut requantizes every sum exactly."""
        op = self.op
        most = (math.isqrt(op.count) + 2) << op.fraction
        sums = np.abs(op.gain.astype(np.int64)) * most + np.abs(op.bias.astype(np.int64))
        return scale_refusal(op.requant) is None and int(sums.max(initial=0)) < _SUMS

    def own_fields(self) -> Fields:
        """Which way values are requantized."""
        return (("is_short", int(self.is_short)),)

    def terms(self) -> Terms:
        """Sums along channels, values along the longer side of a group."""
        outer, positions, groups, channels = self.op.grouped(self.shapes.inputs[0])
        each = outer * groups
        is_short = self.is_short
        values, runs = each * positions * channels, each * min(positions, channels)
        return {
            "summed": values * (channels > 1),
            "single": values * (channels == 1),
            "rows": each * positions,
            "short_values": values * is_short,
            "long_values": values * (not is_short),
            "limited": values * (is_short and (self.op.lo, self.op.hi) != (-128, 127)),
            "runs": runs,
            "groups": each,
            "calls": 1,
        }


VARIANTS: tuple[VariantType, ...] = (DspNormalize,)

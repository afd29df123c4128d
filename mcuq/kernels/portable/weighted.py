"""What the portable kernels of weighted layers share: parameters as their C structs hold them."""

from __future__ import annotations

import numpy as np

from mcuq.ir.plan import CArray
from mcuq.ir.types import freeze
from mcuq.kernels.fields import Fields, limit_fields
from mcuq.ops.weighted import WeightedParams


def code_fields(params: WeightedParams) -> Fields:
    """Zero points and limits."""
    zero_points = (("x_zero_point", params.x_zero_point), ("y_zero_point", params.y_zero_point))
    return (*zero_points, *limit_fields(params))


def channel_arrays(params: WeightedParams) -> tuple[CArray, ...]:
    """What a kernel reads per channel."""
    return (
        CArray("bias", params.bias, "bias"),
        CArray("multiplier", freeze(np.array(params.requant.multiplier, np.int32)), "multipliers"),
        CArray("shift", freeze(np.array(params.requant.shift, np.int8)), "shifts, positive is left"),
    )

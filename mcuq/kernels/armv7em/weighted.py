"""What the kernels of weighted layers for DSP cores share: parameters as their C structs hold them."""

from __future__ import annotations

import numpy as np

from mcuq.ir.plan import CArray
from mcuq.ir.types import Int8, freeze
from mcuq.kernels.armv7em.requantize import DspChannels, dsp_channels, mixed_channels, shortcut_rights
from mcuq.kernels.fields import Fields, limit_fields, round_up
from mcuq.kernels.portable.blocked import folded_bias
from mcuq.ops.weighted import WeightedParams

# The arrays of `channel_arrays`.
PER_CHANNEL = ("weights", "bias", "multiplier", "right")


def exact_channels(params: WeightedParams) -> DspChannels:
    """Channels of a step that was accepted."""
    found = dsp_channels(params)
    assert not isinstance(found, str), found
    return found


def fast_channels(params: WeightedParams) -> DspChannels:
    """The same where some channels may be odd."""
    found = mixed_channels(params)
    assert not isinstance(found, str), found
    return found


def odd_channels(params: WeightedParams) -> CArray:
    """What `mcuq_channel_dsp_odd` reads of the odd channels of a step, and a number that ends them."""
    multiplier, shift = params.requant.arrays
    words: list[int] = []
    for each in fast_channels(params).odd:
        words += [
            each,
            int(params.folded_bias[each]),
            int(multiplier[each]),
            int(shift[each]),
            params.y_zero_point,
        ]
    words.append(round_up(len(params.bias), 4))
    return CArray(
        "odd",
        freeze(np.array(words), "int32"),
        "per odd channel: number, bias, multiplier, shift, zero point",
    )


def contract_refusal(params: WeightedParams) -> str | None:
    """Why the shortcut cannot compute any channel of a step, or None."""
    found = mixed_channels(params)
    return found if isinstance(found, str) else None


def channels_refusal(params: WeightedParams) -> str | None:
    """Why the shortcut cannot compute every channel of a step, or None."""
    found = dsp_channels(params)
    return found if isinstance(found, str) else None


def channel_arrays(channels: DspChannels, packed: Int8, comment: str) -> tuple[CArray, ...]:
    """What a kernel reads per channel, and its packed weights."""
    return (
        CArray("weights", freeze(packed.reshape(-1)), comment),
        CArray("bias", freeze(channels.bias), "bias, the input's zero point folded in"),
        CArray("multiplier", freeze(channels.multiplier), "multipliers"),
        CArray("right", freeze(channels.right), "right shifts"),
    )


def clamp_fields(params: WeightedParams) -> Fields:
    """The output's zero point and limits."""
    return (("y_zero_point", params.y_zero_point), *limit_fields(params))


def whole_channel_arrays(params: WeightedParams) -> tuple[CArray, ...]:
    """What kernels that include mcuq_channel_dsp.h read per channel: any scale and bias."""
    return folded_bias(params), *scale_arrays(params)


def scale_arrays(params: WeightedParams) -> tuple[CArray, ...]:
    """Multipliers and shifts as those kernels read them."""
    return (
        CArray("multiplier", freeze(np.array(params.requant.multiplier, np.int32)), "multipliers"),
        CArray("right", freeze(shortcut_rights(params)), "right shifts, or 64 less the shift"),
    )

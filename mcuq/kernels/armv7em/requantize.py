"""When the six-instruction requantization of DSP cores is exact, and how channels are brought to it."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.types import Array, DType, Int8, Int64
from mcuq.ops.weighted import WeightedParams

NEEDS = ("dsp",)  # of a core: the instructions that it is made of
MIN_RIGHT, MAX_RIGHT = 1, 23
_LIMIT = 2**30
_FULL = 64  # MCUQ_CHANNEL_DSP_FULL


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class DspChannels:
    """Parameters of a weighted layer for `mcuq_requantize_dsp`.

    Args:
        weights: int8, those of constant channels zero.
        bias: int32 with the input's zero point folded in.
        multiplier: int32.
        right: int8, the right shift, 1 to 23.
        simple: the same as a layer's parameters, the input's zero point not in the bias.
        odd: which channels the shortcut cannot compute, in order; they keep their weights, and a bias, a
            multiplier and a shift stand for theirs that do no harm.
    """

    weights: Int8
    bias: Array
    multiplier: Array
    right: Array
    simple: WeightedParams
    odd: tuple[int, ...]


def scale_refusal(scale: Requant) -> str | None:
    """Why a single multiplier cannot use the shortcut. Source: docs/numerics.md, R3."""
    if scale.rounding is not Rounding.DOUBLE:
        return "the rounding contract is 'single', the kernel rounds twice"
    if not MIN_RIGHT <= -scale.shift[0] <= MAX_RIGHT:
        return f"the right shift is {-scale.shift[0]}, the kernel takes {MIN_RIGHT} to {MAX_RIGHT}"
    return None


def dsp_channels(params: WeightedParams) -> DspChannels | str:
    """Channels that all meet the shortcut's conditions, or why they cannot."""
    found = mixed_channels(params)
    if isinstance(found, str) or not found.odd:
        return found
    channel = found.odd[0]
    right = -params.requant.shift[channel]
    return f"channel {channel} has a right shift of {right} (1 to 23) or sums that reach 2^30"


@functools.lru_cache(maxsize=16)
def mixed_channels(params: WeightedParams) -> DspChannels | str:
    """Channels, and which of them do not meet the shortcut's conditions; or why none can.

    A channel whose code is the same for every input (dead weights, or a scale so small that no input changes
    the code) becomes one with zero weights and a bias that requantizes to that code.
    """
    if params.requant.rounding is not Rounding.DOUBLE:
        return "the rounding contract is 'single', the kernel rounds twice"
    weights = params.weights.reshape(len(params.weights), -1).astype(np.int64)
    bias = params.bias.astype(np.int64)
    # Every tap contributes between -255 and 255 times its weight, or 0 outside the image.
    reach = 255 * np.abs(weights).sum(axis=1)
    right = -np.array(params.requant.shift, np.int64)
    multiplier = np.array(params.requant.multiplier, np.int64)
    low, high = (_codes(params, bias + sign * reach) for sign in (-1, 1))
    is_constant = low == high
    fits = (right >= MIN_RIGHT) & (right <= MAX_RIGHT) & (np.abs(bias) + reach < _LIMIT)
    is_odd = ~fits & ~is_constant
    # Also where they fit: small sums suit kernels with narrower bounds.
    change = is_constant | is_odd
    # 4 d requantizes to d + z: half of it is 2 d, and (2 d + sign + 1 + 2 z) >> 1 is d + z.
    constant = np.where(is_odd, 0, 4 * (low - params.y_zero_point))
    dead = is_constant.reshape(-1, *[1] * (params.weights.ndim - 1))
    kept = np.where(dead, 0, params.weights).astype(np.int8)
    multiplier, right = np.where(change, 2**30, multiplier), np.where(change, 1, right)
    return DspChannels(
        weights=kept,
        bias=np.where(change, constant, params.folded_bias).astype(np.int32),
        multiplier=multiplier.astype(np.int32),
        right=right.astype(np.int8),
        simple=dataclasses.replace(
            params,
            weights=kept,
            bias=np.where(change, constant, bias).astype(np.int32),
            requant=Requant(tuple(multiplier.tolist()), tuple((-right).tolist()), Rounding.DOUBLE),
        ),
        odd=tuple(np.flatnonzero(is_odd).tolist()),
    )


def shortcut_rights(params: WeightedParams) -> Int8:
    """Per channel the right shift where the shortcut is exact for all sums, else 64 less the shift."""
    weights = params.weights.reshape(len(params.weights), -1).astype(np.int64)
    most = 255 if params.x_type is DType.INT8 else -DType.INT16.qmin
    largest = np.abs(params.bias.astype(np.int64)) + most * np.abs(weights).sum(axis=1)
    right = -np.array(params.requant.shift, np.int64)
    is_short = (right >= MIN_RIGHT) & (right <= MAX_RIGHT) & (largest < _LIMIT)
    is_short &= params.requant.rounding is Rounding.DOUBLE
    return np.where(is_short, right, _FULL + right).astype(np.int8)


def _codes(params: WeightedParams, sums: Int64) -> Int64:
    """The code of each channel for given sums (clipped to what an int32 accumulator holds)."""
    clipped = np.clip(sums, -(2**31), 2**31 - 1)
    codes: Int64 = np.clip(params.requant.apply(clipped) + params.y_zero_point, params.lo, params.hi)
    return codes

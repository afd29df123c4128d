"""When the vector requantization is exact, and how a weighted layer's channels are packed for it."""

from __future__ import annotations

import numpy as np

from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.plan import CArray
from mcuq.ir.types import Array, DType, Int8, freeze
from mcuq.kernels.fields import Fields, limit_fields, round_up
from mcuq.ops.accumulator import Accumulator, stored_multipliers
from mcuq.ops.weighted import WeightedParams

NEEDS_MVE = ("mve",)  # of a core: the instructions that it is made of
LANES = 4  # 32-bit values in a vector
_MOST_NARROW_CODES = 2**31 // (16 * 128 * 8) - 1  # whose sums times 16 stay in int32


def rounding_refusal(requant: Requant) -> str | None:
    """Why the vector form cannot requantize, or None. Source: docs/numerics.md, R3."""
    if requant.rounding is not Rounding.DOUBLE:
        return "the rounding contract is 'single', the kernel rounds twice"
    return None


def code_fields(params: WeightedParams) -> Fields:
    """What all channels share."""
    has_left = int(max(params.requant.shift, default=0) > 0)
    zero_points = (("x_zero_point", params.x_zero_point), ("y_zero_point", params.y_zero_point))
    return (("has_left", has_left), *zero_points, *limit_fields(params))


def pack_channels(params: WeightedParams, groups: int = 1) -> Array:
    """Per group and four channels: biases, multipliers and shifts; `[groups, fours, 3, 4]` int32.

    The input's zero point is folded into the biases: the sums stay in int32 (docs/numerics.md, R6). Sums of
    int64 have multipliers of 15 bits.
    """
    multipliers = stored_multipliers(params.requant, params.accumulator)
    rows = np.stack([params.folded_bias, multipliers, params.requant.shift]).reshape(3, groups, -1)
    padded: Array = np.zeros((3, groups, round_up(rows.shape[2], LANES)), np.int32)
    padded[:, :, : rows.shape[2]] = rows
    return np.ascontiguousarray(padded.reshape(3, groups, -1, LANES).transpose(1, 2, 0, 3))


def channel_array(packed: Array) -> CArray:
    """What a kernel reads per channel."""
    comment = "four biases (the input's zero point folded in), multipliers and shifts, positive is left"
    return CArray("channels", freeze(packed.reshape(-1)), comment)


def pack_weights(params: WeightedParams, groups: int) -> Int8:
    """Weights as mcuq_gemm_mve.h and mcuq_gemm_s16_mve.h read them, `[groups, bytes]`.

    `pack_fours`; weights of four bits, two in a byte, for codes of int8 alone.

    Args:
        params: of the layer.
        groups: of channels.
    """
    filters = params.weights.reshape(groups, len(params.bias) // groups, -1)
    if not is_narrow(params):
        return pack_fours(filters, chunk_codes(params)).reshape(groups, -1)
    bits = _fill_up(filters).view(np.uint8) & 15
    pairs = (bits[:, :, ::2] | bits[:, :, 1::2] << 4).astype(np.uint8).view(np.int8)
    return _in_turn(pairs, 16).reshape(groups, -1)


def chunk_codes(params: WeightedParams) -> int:
    """How many codes of the input a vector holds."""
    return 16 // params.x_type.itemsize


def is_narrow(params: WeightedParams) -> bool:
    """Whether weights are kept in four bits: beside codes of int16 they are widened."""
    return params.weight_type is DType.INT4 and params.x_type is DType.INT8


def is_slow(params: WeightedParams) -> bool:
    """Whether sums of int16 inputs become codes one by one: those of int64, and what is rounded once."""
    is_once = params.requant.rounding is not Rounding.DOUBLE
    return params.x_type is DType.INT16 and (params.accumulator is Accumulator.INT64 or is_once)


def mixed_refusal(params: WeightedParams) -> str | None:
    """Why a layer whose input or output is int16 is not taken, or None: of int16 inputs every one is."""
    if params.x_type is DType.INT16:
        return None
    return rounding_refusal(params.requant) or narrow_refusal(params)


def mixed_fields(params: WeightedParams) -> Fields:
    """How weights are kept and sums become codes, and what all channels share."""
    is_long = int(params.accumulator is Accumulator.INT64)
    kept = (("is_narrow", int(is_narrow(params))), ("is_slow", int(is_slow(params))), ("is_long", is_long))
    return (*kept, *code_fields(params))


def narrow_refusal(params: WeightedParams) -> str | None:
    """Why sums of weights of four bits, 16 times too large, may leave int32, or None."""
    codes = params.weights[0].size
    if is_narrow(params) and codes > _MOST_NARROW_CODES:
        return f"a channel has {codes} weights of four bits, the kernel takes {_MOST_NARROW_CODES}"
    return None


def pack_fours(weights: Int8, chunk: int = 16) -> Int8:
    """`[groups, filters, depth]` as `[groups, fours, ...]`: `chunk` codes of each of four channels in turn.

    What is left over of these follows, channel by channel; channels of zeros fill up four.
    """
    return _in_turn(_fill_up(weights), chunk)


def _fill_up(weights: Int8) -> Int8:
    """`[groups, filters, depth]` as `[groups, fours, 4, depth]`."""
    groups, filters, depth = weights.shape
    padded: Int8 = np.zeros((groups, round_up(filters, LANES), depth), np.int8)
    padded[:, :filters] = weights
    return padded.reshape(groups, -1, LANES, depth)


def _in_turn(fours: Int8, chunk: int) -> Int8:
    """`[groups, fours, lanes, depth]` as `[groups, fours, lanes * depth]`: a chunk of each lane in turn."""
    groups, count, lanes, depth = fours.shape
    whole = depth // chunk * chunk
    chunks = fours[..., :whole].reshape(groups, count, lanes, -1, chunk).swapaxes(2, 3)
    parts = [chunks.reshape(groups, count, lanes * whole)]
    parts.append(fours[..., whole:].reshape(groups, count, lanes * (depth - whole)))
    packed: Int8 = np.concatenate(parts, axis=2)
    return packed

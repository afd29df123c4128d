"""Integer weights and biases: symmetric, one scale per output channel."""

from __future__ import annotations

import dataclasses

import numpy as np

from mcuq.ir.integer import round_half_away_array
from mcuq.ir.types import Array, DType, Float64, QuantParams, freeze


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class QuantizedWeights:
    """Codes of a layer's weights and bias with their parameters.

    Args:
        weights: int8 in [-127, 127], of four bits in [-7, 7], the shape of the float weights, output channel
            first.
        weight_params: scale per channel along axis 0; of type INT4 for four bits.
        bias: int32 `[M]`, scale `s_x * s_w[m]`.
        bias_params: likewise.
    """

    weights: Array
    weight_params: QuantParams
    bias: Array
    bias_params: QuantParams


QMAX = 127
# Of weights by their bits.
WEIGHT_TYPES = {8: DType.INT8, 4: DType.INT4}


def largest_code(bits: int) -> int:
    """The largest code of weights of 8 or 4 bits; the smallest is its negative.

    Source: docs/numerics.md, R1.
    """
    return WEIGHT_TYPES[bits].qmax


def weight_scales(
    weights: Array,
    bias: Array,
    x_scale: float,
    is_per_channel: bool,
    factors: Float64 | float = 1.0,
    qmax: int = QMAX,
) -> Float64:
    """Scale per output channel, float32-exact values in float64.

    A channel of zeros has scale 1. A scale is never so small that its bias leaves 30 bits; there is no
    other floor.

    Args:
        weights: float `[M, ...]`.
        bias: float `[M]`.
        x_scale: scale of the layer's input.
        is_per_channel: whether every output channel has a scale of its own.
        factors: the share of the largest weight that a scale covers, one or `[M]`.
        qmax: the code of that share.

    Returns:
        `[M]`.

    Source: docs/numerics.md, R6.
    """
    amax = np.abs(weights.reshape(len(weights), -1)).max(axis=1, initial=0).astype(np.float64)
    floor = np.abs(bias.astype(np.float64)) / (x_scale * 2.0**30)
    if not is_per_channel:
        amax, floor = (np.full_like(values, values.max(initial=0)) for values in (amax, floor))
    scale = np.maximum(amax * factors / qmax, floor).astype(np.float32)
    scale = np.where(scale > 0, scale, np.float32(1))
    # Rounding to float32 may have gone down: the next value up keeps the bias inside.
    low = scale.astype(np.float64) < floor
    return np.where(low, np.nextafter(scale, np.float32(np.inf)), scale).astype(np.float64)


def quantize_weights(
    weights: Array, bias: Array, x_scale: float, is_per_channel: bool = True, bits: int = 8
) -> QuantizedWeights:
    """Round weights and bias to the nearest code, ties away from zero.

    Args:
        weights: float `[M, ...]`.
        bias: float `[M]`.
        x_scale: scale of the layer's input.
        is_per_channel: whether every output channel has a scale of its own.
        bits: 8 or 4.

    Source: docs/numerics.md, R1.
    """
    qmax = largest_code(bits)
    scale = weight_scales(weights, bias, x_scale, is_per_channel, qmax=qmax)
    column = scale.reshape(-1, *[1] * (weights.ndim - 1))
    codes = np.clip(round_half_away_array(weights.astype(np.float64) / column), -qmax, qmax)
    return encode_weights(codes, scale, bias, x_scale, bits)


def encode_weights(
    codes: Array, scale: Float64, bias: Array, x_scale: float, bits: int = 8
) -> QuantizedWeights:
    """Codes that are chosen already, and the bias rounded to its scale.

    Args:
        codes: whole numbers that fit into the bits, `[M, ...]`.
        scale: of each output channel, float32-exact, `[M]`.
        bias: real values, `[M]`.
        x_scale: scale of the layer's input.
        bits: 8 or 4.
    """
    bias_codes = round_half_away_array(bias.astype(np.float64) / (x_scale * scale))
    bias_scale = (x_scale * scale).astype(np.float32)
    tiny = np.finfo(np.float32).tiny
    return QuantizedWeights(
        freeze(codes, "int8"),
        QuantParams(tuple(scale.tolist()), 0, WEIGHT_TYPES[bits], axis=0),
        freeze(bias_codes, "int32"),
        QuantParams(tuple(np.maximum(bias_scale, tiny).astype(float).tolist()), 0, DType.INT32, axis=0),
    )

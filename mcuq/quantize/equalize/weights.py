"""The weights of a layer by input and by output channel."""

from __future__ import annotations

import numpy as np

from mcuq.ir.traits import WeightedOp
from mcuq.ir.types import Float64


def multiply_inputs(op: WeightedOp, weights: Float64, scale: Float64) -> Float64:
    """Weights for an input whose channels were divided by a scale, repeated where there are more of them."""
    view = op.by_input(weights)
    groups, channels = view.shape[0], view.shape[3]
    full = np.tile(scale, groups * channels // len(scale)).reshape(groups, 1, 1, channels)
    return np.asarray((view * full).reshape(weights.shape))


def divide_outputs(weights: Float64, scale: Float64) -> Float64:
    """Weights or biases `[M, ...]` whose outputs are divided by a scale `[M]`."""
    return weights / scale.reshape(-1, *[1] * (weights.ndim - 1))


def output_ranges(weights: Float64) -> Float64:
    """The largest magnitude of each output channel's weights, `[M]`."""
    return np.asarray(np.abs(weights.reshape(len(weights), -1)).max(axis=1))


def input_ranges(op: WeightedOp, weights: Float64, channels: int) -> Float64:
    """The largest magnitude of the weights that read each of `channels` channels."""
    largest = np.abs(op.by_input(weights)).max(axis=(1, 2))
    return np.asarray(largest.reshape(-1, channels).max(axis=0))

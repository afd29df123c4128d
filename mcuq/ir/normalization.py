"""What training left in a model's BatchNormalization nodes, before they are folded away."""

from __future__ import annotations

import dataclasses

from mcuq.ir.types import Float64


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Normalization:
    """One BatchNormalization: `y = gamma (x - mean) / deviation + beta`, channels on axis 1.

    On the training data x has this mean and deviation in every channel, so y has mean beta and deviation
    |gamma|.

    Args:
        x: the tensor that is normalized, by the model's name of it.
        y: the result.
        gamma: float64 `[C]`.
        beta: float64 `[C]`.
        mean: float64 `[C]`, running mean.
        deviation: float64 `[C]`, square root of running variance plus epsilon.
        epsilon: what keeps dead channels from infinity.
    """

    x: str
    y: str
    gamma: Float64
    beta: Float64
    mean: Float64
    deviation: Float64
    epsilon: float

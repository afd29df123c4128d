"""What the inputs of an operator are for."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class WeightedInputs:
    """Which inputs of an operator stand in a sum of products, by position.

    Args:
        x: the activation; None: what the operator gave one step of time before.
        weights: constant, output channel first; quantized per channel.
        bias: constant, added to the sum and quantized to its scale; None where there is none.
    """

    x: int | None
    weights: int
    bias: int | None

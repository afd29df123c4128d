"""What the tables of `--config` say."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True, slots=True)
class Override:
    """What an [[override]] table of `--config` says; None leaves a setting as it is.

    Args:
        kind: what the pattern is of: "tensor", "op" or "node".
        pattern: a name or glob.
        method: how the range is chosen.
        percentile: for the percentile method.
        range: the real range itself.
        scheme: "symmetric" or "asymmetric".
        activation_bits: of the tensor, 8 or 16.
        weight_bits: of the weights of layers, 8 or 4.
    """

    kind: str
    pattern: str
    method: str | None = None
    percentile: float | None = None
    range: tuple[float, float] | None = None
    scheme: str | None = None
    activation_bits: int | None = None
    weight_bits: int | None = None

    @property
    def is_about_ranges(self) -> bool:
        """Whether it says how tensors are ranged."""
        return any(each is not None for each in (self.method, self.percentile, self.range, self.scheme))


@dataclasses.dataclass(frozen=True, slots=True)
class StatePair:
    """What a [[state]] table of `--config` says.

    Args:
        input: name of the input that is state.
        output: name of the output that the next run finds there.
        initial: its values in the first run, in the model's order, or one for all; None for zeros.
    """

    input: str
    output: str
    initial: tuple[float, ...] | None = None


def narrowest_weights(overrides: Iterable[Override]) -> int:
    """The fewest bits that any of them gives weights; 8 where none says anything."""
    return min((each.weight_bits or 8 for each in overrides), default=8)


def widest_activations(overrides: Iterable[Override]) -> int:
    """The most bits that any of them gives activations; 8 where none says anything."""
    return max((each.activation_bits or 8 for each in overrides), default=8)


def has_ranges(overrides: Iterable[Override]) -> bool:
    """Whether any of them says how tensors are ranged, which is in the units of the model."""
    return any(each.is_about_ranges for each in overrides)

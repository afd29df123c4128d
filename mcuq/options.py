"""The options of a build, as one value that travels with the program."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Method = Literal["mse", "minmax"]


@dataclasses.dataclass(frozen=True)
class QuantOptions:
    """How a float graph becomes integers.

    Args:
        method: how activation ranges are chosen.
        samples: how many calibration samples are used.
        sampling: which ones: stratified needs labels.
        seed: of random sampling and of synthetic inputs.
        input_ranges: real range of model inputs by name, instead of the observed one.
    """

    method: Method = "mse"
    samples: int = 128
    sampling: Literal["stratified", "random", "first"] = "random"
    seed: int = 0
    input_ranges: Mapping[str, tuple[float, float]] = dataclasses.field(
        default_factory=lambda: MappingProxyType({})
    )

    def record(self) -> tuple[tuple[str, str], ...]:
        """Sorted (option, value) pairs for manifest and banner; floats are exact."""
        ranges = {
            f"input-range.{name}": f"{lo.hex()}:{hi.hex()}" for name, (lo, hi) in self.input_ranges.items()
        }
        return tuple(
            sorted(
                {
                    "calibration-method": self.method,
                    "samples": str(self.samples),
                    "sampling": self.sampling,
                    "seed": str(self.seed),
                    **ranges,
                }.items()
            )
        )

"""The options of a build, as one value that travels with the program."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

CalibrationMethod: TypeAlias = Literal["mse", "minmax", "percentile", "kl", "mean"]
Sampling: TypeAlias = Literal["stratified", "random", "first"]
Activations: TypeAlias = Literal["asymmetric", "symmetric"]
Weights: TypeAlias = Literal["per-channel", "per-tensor"]
WeightRounding: TypeAlias = Literal["gptq", "adaround", "nearest"]
Equalize: TypeAlias = Literal["auto", "on", "off"]
OptimizeFor: TypeAlias = Literal["speed", "balanced", "size"]
RoundingName: TypeAlias = Literal["double", "single"]

# Percent of cycles that `--optimize size` may take for each percent of flash that it saves (docs/guide.md).
SIZE_RATE = 2


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
    """

    kind: str
    pattern: str
    method: str | None = None
    percentile: float | None = None
    range: tuple[float, float] | None = None
    scheme: str | None = None


@dataclasses.dataclass(frozen=True)
class QuantOptions:
    """How a float graph becomes integers.

    Args:
        method: how activation ranges are chosen.
        percentile: share of values that the percentile method covers, in percent, above 50 and up to 100.
        headroom: factor by which the ranges that the mse method found are widened, at least 1: new samples go
            beyond those that were seen.
        activations: whether activations have a zero point.
        weights: whether every output channel has a weight scale of its own.
        weight_rounding: how weights become codes where there are calibration samples: "gptq" and, many times
            slower, "adaround" choose scales, roundings and biases by the errors they make, "nearest" looks at
            the weights alone.
        equalize: whether channels are rescaled between layers; "auto" where held-out samples gain by it.
        rounding: the requantization contract, docs/numerics.md R3.
        samples: how many calibration samples are used.
        sampling: which ones: stratified needs labels.
        seed: of random sampling and of synthetic inputs.
        input_ranges: real range of model inputs by name, instead of the observed one.
        overrides: what holds for single tensors, in order.
        ties: inputs and outputs that have one scale and zero point, by name, in groups.
        input_shapes: shapes of model inputs by name, where the model leaves them open.
        eliminate_channels: whether channels that are constant or unread are dropped; None: as a stored
            program says, otherwise they are.
        optimize: what kernels are chosen for; None: as a stored program says, otherwise "balanced".
    """

    method: CalibrationMethod = "mse"
    percentile: float = 99.999
    headroom: float = 1.1
    activations: Activations = "asymmetric"
    weights: Weights = "per-channel"
    weight_rounding: WeightRounding = "gptq"
    equalize: Equalize = "auto"
    rounding: RoundingName = "double"
    samples: int = 128
    sampling: Sampling = "random"
    seed: int = 0
    input_ranges: Mapping[str, tuple[float, float]] = dataclasses.field(
        default_factory=lambda: MappingProxyType({})
    )
    overrides: tuple[Override, ...] = ()
    ties: tuple[tuple[str, ...], ...] = ()
    input_shapes: Mapping[str, tuple[int, ...]] = dataclasses.field(
        default_factory=lambda: MappingProxyType({})
    )
    eliminate_channels: bool | None = None
    optimize: OptimizeFor | None = None

    def record(self) -> tuple[tuple[str, str], ...]:
        """Sorted (option, value) pairs for manifest and banner; floats are exact."""
        pairs = {
            "activations": self.activations,
            "calibration-method": self.method,
            "equalize": self.equalize,
            "samples": str(self.samples),
            "sampling": self.sampling,
            "seed": str(self.seed),
            "weight-rounding": self.weight_rounding,
            "weights": self.weights,
        }
        if self.method == "mse":
            pairs["headroom"] = repr(self.headroom)
        if self.method == "percentile":
            pairs["percentile"] = repr(self.percentile)
        for name, (lo, hi) in self.input_ranges.items():
            pairs[f"input-range.{name}"] = f"{lo!r}:{hi!r}"
        for number, group in enumerate(self.ties, 1):
            pairs[f"tie.{number}"] = ", ".join(group)
        for name, shape in self.input_shapes.items():
            pairs[f"input-shape.{name}"] = ",".join(map(str, shape))
        return tuple(sorted(pairs.items()))

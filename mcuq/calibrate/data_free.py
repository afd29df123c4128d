"""Ranges without any data, from what the model's normalizations remember of its training."""

from __future__ import annotations

import dataclasses

from mcuq.calibrate.input_guess import guess_input_ranges
from mcuq.calibrate.overrides import resolve_overrides, symmetric_range
from mcuq.calibrate.params import Range
from mcuq.calibrate.ranges import Fingerprint, Ranges, TensorRange, calibrated_tensors
from mcuq.calibrate.spread import follow_spreads, spread_range
from mcuq.calibrate.ties import tie_ranges
from mcuq.ir.graph import Graph
from mcuq.ir.model import Model
from mcuq.ir.spread import Spread, total_moments
from mcuq.options import QuantOptions


@dataclasses.dataclass(frozen=True)
class TrainingStatistics:
    """What a model tells about its values without data.

    Args:
        spreads: of the tensors behind its normalizations.
        inputs: ranges of its inputs where they can be guessed.
    """

    spreads: dict[str, Spread]
    inputs: dict[str, Range]

    def record(self) -> tuple[tuple[str, str], ...]:
        """The guessed ranges of inputs as option pairs."""
        return tuple(
            (f"input-range-guessed.{name}", f"{each.lo!r}:{each.hi!r}") for name, each in self.inputs.items()
        )


def read_statistics(model: Model, options: QuantOptions) -> TrainingStatistics | None:
    """What the normalizations of a model tell; None where it has none.

    Args:
        model: as read.
        options: ranges of inputs that the user gave are not guessed.
    """
    spreads = follow_spreads(model.graph, model.normalizations)
    if not spreads:
        return None
    guessed = guess_input_ranges(model.graph, model.normalizations)
    return TrainingStatistics(spreads, {k: v for k, v in guessed.items() if k not in options.input_ranges})


def data_free_options(found: TrainingStatistics, options: QuantOptions) -> QuantOptions:
    """The options with the guessed ranges of inputs."""
    guessed = {name: (each.lo, each.hi) for name, each in found.inputs.items()}
    return dataclasses.replace(options, input_ranges={**options.input_ranges, **guessed})


def replace_ranges(
    graph: Graph, measured: Ranges, found: TrainingStatistics, options: QuantOptions
) -> Ranges:
    """Measured ranges, but those of the normalizations wherever they reach.

    Args:
        graph: stage CANONICAL.
        measured: of synthetic inputs.
        found: by tensor names of the model, which the canonical graph keeps.
        options: tensors whose range they give keep it.
    """
    tensors = calibrated_tensors(graph)
    inputs = {port.tensor for port in graph.inputs}
    overrides = resolve_overrides(graph, tensors, options.overrides)
    given = {name for name, each in overrides.items() if each.range is not None}
    ranges = dict(measured.tensors)
    for name in tensors:
        points = found.spreads.get(name)
        if points is not None and name not in inputs | given:
            limits = spread_range(points)
            if name in overrides and overrides[name].scheme == "symmetric":
                limits = symmetric_range(limits)
            seen = Fingerprint(float(points.min()), float(points.max()), *total_moments(points), 0.0)
            ranges[name] = TensorRange(limits, seen)
    # Once more: what normalizations say of one tensor of a tie holds for the others.
    return tie_ranges(Ranges(ranges), {}, measured.tied)

"""From a model to a canonical graph with ranges: measured, remembered, stored or imported."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from mcuq.calibrate.data import Samples
from mcuq.calibrate.data_free import data_free_options, read_statistics, replace_ranges
from mcuq.calibrate.drift import from_seen
from mcuq.calibrate.overrides import override_record, resolve_overrides
from mcuq.calibrate.ranges import Ranges, calibrated_tensors, ranges_from_json
from mcuq.calibrate.run import Progress
from mcuq.calibrate.store import TensorStore
from mcuq.errors import all_of, fail
from mcuq.interchange.apply import MatchedEncodings
from mcuq.interchange.find import find_encodings, tensors_to_measure
from mcuq.ir.graph import Graph
from mcuq.ir.model import Model
from mcuq.ir.program import RangeSource
from mcuq.options import QuantOptions
from mcuq.passes.canonicalize import canonicalize
from mcuq.passes.widen_products import narrow_products
from mcuq.pipeline.calibration import (
    CalibrationData,
    check_input_ranges,
    chosen_samples,
    made_up_samples,
    tie_model,
)
from mcuq.pipeline.float_run import FloatRun
from mcuq.pipeline.measure import ChannelTruth, Wanted, measure_ranges, observe, ranges_alone
from mcuq.quantize.activation_widths import asked_widths
from mcuq.quantize.reference import Reference
from mcuq.quantize.weight_widths import overridden_bits
from mcuq.reading.files import read_file
from mcuq.settings import Override, has_ranges

Record: TypeAlias = tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class _WithRanges:
    """A canonical graph with the ranges of its tensors.

    Args:
        graph: stage CANONICAL.
        ranges: of its calibrated tensors.
        model_sha256: hash of the model file.
        recorded: what the program records of the calibration, as option pairs.
    """

    graph: Graph
    ranges: Ranges
    model_sha256: str
    recorded: Record


@dataclasses.dataclass(frozen=True)
class Measured(_WithRanges):
    """Ranges measured on samples that the user gave.

    Args:
        samples: those that were chosen.
        reference: what weights are fitted to; None: they are rounded to nearest.
        channels: what equalization needs; None: it is not tried.
        warnings: what is suspicious about the samples.
        stores: what ranges were chosen from, for who chooses them otherwise.
        methods: that were chosen for single tensors.
    """

    samples: Samples
    reference: Reference | None = None
    channels: ChannelTruth | None = None
    warnings: tuple[str, ...] = ()
    stores: Mapping[str, TensorStore] = dataclasses.field(default_factory=dict)
    methods: Mapping[str, str] = dataclasses.field(default_factory=dict)
    source = RangeSource.CALIBRATED


@dataclasses.dataclass(frozen=True)
class Stored(_WithRanges):
    """Ranges from a file that `mcuq calibrate` wrote."""

    source = RangeSource.CALIBRATED


@dataclasses.dataclass(frozen=True)
class DataFree(_WithRanges):
    """Ranges that the model's normalizations remember of its training."""

    source = RangeSource.DATA_FREE


@dataclasses.dataclass(frozen=True)
class Synthetic(_WithRanges):
    """Ranges measured on noise: for sizes and speed, not for accuracy."""

    source = RangeSource.SYNTHETIC


@dataclasses.dataclass(frozen=True)
class Imported(_WithRanges):
    """Parameters that came with the model or in a file, and ranges for what they leave open.

    Args:
        encodings: the parameters, found in the graph.
        source: where ranges of activations came from.
        samples: of the user, on which open tensors were measured; None: they are not needed or come from
            elsewhere.
        warnings: what is suspicious about the samples.
    """

    encodings: MatchedEncodings
    source: RangeSource
    samples: Samples | None = None
    warnings: tuple[str, ...] = ()


Calibrated: TypeAlias = Measured | Stored | DataFree | Synthetic | Imported


def calibrate_model(
    model: Model,
    data: CalibrationData | None,
    options: QuantOptions,
    progress: Progress | None = None,
    ranges: Path | None = None,
    encodings: Path | None = None,
    narrows: bool = False,
) -> Calibrated:
    """Canonicalize a model, and measure the ranges of its tensors.

    Args:
        model: as `mcuq.frontend.read` gives it.
        data: calibration samples; None takes ranges from the model's normalizations, and measures on
            synthetic inputs what these do not reach.
        options: how to quantize.
        progress: called as calibration goes on.
        ranges: ranges of `mcuq calibrate`, instead of measuring them.
        encodings: parameters of another tool, instead of ranges.
        narrows: whether it may be compiled with weights of few bits that the options do not ask for.
    """
    model = tie_model(model, options)
    graph = canonicalize(model.graph)
    check_input_ranges(graph, options.input_ranges)
    found = find_encodings(model, narrow_products(graph), encodings, options)
    if found is None:
        return _calibrate(model, graph, data, options, progress, ranges, narrows)
    if found.encodings.activations:
        return _measure_open(found, data, options, progress, ranges)
    # Nothing adjusts weights whose scales are given.
    of = _calibrate(model, found.graph, data, ranges_alone(options), progress, ranges)
    return Imported(
        found.graph,
        of.ranges,
        of.model_sha256,
        of.recorded,
        found,
        of.source,
        given_samples(of),
        data_warnings(of),
    )


def given_samples(calibrated: Calibrated) -> Samples | None:
    """The samples that the user gave and the options chose, None without any."""
    return calibrated.samples if isinstance(calibrated, Measured | Imported) else None


def data_warnings(calibrated: Calibrated) -> tuple[str, ...]:
    """What is suspicious about the samples that the user gave."""
    return calibrated.warnings if isinstance(calibrated, Measured | Imported) else ()


def _measure_open(
    found: MatchedEncodings,
    data: CalibrationData | None,
    options: QuantOptions,
    progress: Progress | None,
    ranges: Path | None,
) -> Imported:
    """Measure what the parameters leave open, if the caller gave something to measure it on."""
    graph, encodings = found.graph, found.encodings
    names = tensors_to_measure(found, data is not None or ranges is not None)
    measured, samples = Ranges(from_seen(encodings.seen)), None
    if ranges is not None:
        measured = _read_ranges(names, ranges)
    elif data is not None:
        samples = chosen_samples(graph, data, options)
        measured = measure_ranges(FloatRun(graph, names), samples, options, progress, names)
    recorded = data.record() if data is not None else encodings.recorded_beside(options.record())
    return Imported(graph, measured, found.source.sha256, recorded, found, encodings.ranges, samples)


def _calibrate(
    model: Model,
    graph: Graph,
    data: CalibrationData | None,
    options: QuantOptions,
    progress: Progress | None,
    ranges: Path | None,
    narrows: bool = False,
) -> Measured | Stored | DataFree | Synthetic:
    """Ranges of all tensors, from the best source there is."""
    recorded = config_record(graph, options)
    if ranges is not None:
        _check_no_config(options)
        return Stored(graph, _read_ranges(calibrated_tensors(graph), ranges), model.sha256, recorded)
    if data is None:
        return _without_data(model, graph, options, progress, recorded)
    samples = chosen_samples(graph, data, options)
    wanted = Wanted.by(options, len(samples))
    wanted = dataclasses.replace(wanted, aims=wanted.aims or narrows)
    seen = observe(graph, samples, options, wanted, progress, model)
    return Measured(
        graph,
        seen.ranges,
        model.sha256,
        (*data.record(), *recorded),
        samples,
        seen.reference,
        seen.channels,
        seen.warnings,
        seen.stores,
        seen.methods,
    )


def config_record(graph: Graph, options: QuantOptions) -> Record:
    """What the program records of the configuration.

    Raises:
        McuqError: O001 for patterns that match nothing, for all of them at once.
    """
    overrides: dict[str, Override] = {}
    widths: dict[str, int] = {}
    bits: dict[str, int] = {}
    all_of(
        (
            lambda: overrides.update(resolve_overrides(graph, calibrated_tensors(graph), options.overrides)),
            lambda: widths.update(asked_widths(graph, options)),
            lambda: bits.update(overridden_bits(graph, options.overrides)),
        )
    )
    return tuple(override_record(options.overrides, overrides, widths, bits))


def _without_data(
    model: Model, graph: Graph, options: QuantOptions, progress: Progress | None, recorded: Record
) -> DataFree | Synthetic:
    """Ranges from normalizations; synthetic inputs of the guessed range fill in for the rest."""
    statistics = read_statistics(model, options)
    if statistics is None:
        measured = observe(graph, made_up_samples(graph, options), options, Wanted(), progress).ranges
        return Synthetic(graph, measured, model.sha256, recorded)
    options = data_free_options(statistics, options)
    measured = observe(graph, made_up_samples(graph, options), options, Wanted(), progress).ranges
    ranges = replace_ranges(graph, measured, statistics, options)
    return DataFree(graph, ranges, model.sha256, (*statistics.record(), *recorded))


def _check_no_config(options: QuantOptions) -> None:
    if has_ranges(options.overrides) or options.ties:
        raise fail(
            "O013",
            "two options contradict each other",
            where="--ranges and --config",
            why="each of them says what the activation ranges are",
            fix="give --config to `mcuq calibrate`",
        )


def _read_ranges(names: tuple[str, ...], path: Path) -> Ranges:
    ranges = ranges_from_json(read_file(path), str(path))
    missing = [name for name in names if name not in ranges]
    if missing:
        raise fail(
            "O013",
            "the ranges are of another model",
            where=str(path),
            why=f"{len(missing)} tensors have no range, as {missing[0]!r}",
            fix="run `mcuq calibrate` on this model",
        )
    return ranges

"""From a model file to a program."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from pathlib import Path

from mcuq.calibrate.data import InputSpec, Samples, read_samples
from mcuq.calibrate.drift import from_seen, to_seen
from mcuq.calibrate.images import Preprocessing
from mcuq.calibrate.labels import read_labels
from mcuq.calibrate.overrides import override_record, resolve_overrides
from mcuq.calibrate.params import Range, Scheme
from mcuq.calibrate.ranges import Ranges, ranges_from_json
from mcuq.calibrate.run import Progress
from mcuq.calibrate.select import Sampling, select_samples
from mcuq.calibrate.synthetic import synthetic_samples
from mcuq.errors import fail
from mcuq.interchange.apply import Imported, quantize_imported
from mcuq.ir.encodings import Note
from mcuq.ir.graph import Graph
from mcuq.ir.integer import Rounding
from mcuq.ir.model import Model
from mcuq.ir.program import Origin, Program, RangeSource
from mcuq.ir.store import MAX_BYTES, program_from_npz
from mcuq.ops.registry import STEP_OPS
from mcuq.options import QuantOptions
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.datafree import DataFree, data_free_options, read_data_free, replace_ranges
from mcuq.pipeline.float_run import FloatRun
from mcuq.pipeline.imports import find_imported, tensors_to_measure
from mcuq.pipeline.measure import ChannelTruth, Wanted, measure_ranges, observe, ranges_alone
from mcuq.quantize.activations import calibrated_tensors
from mcuq.quantize.adjust import adjust_graph
from mcuq.quantize.lower import lower_graph
from mcuq.quantize.quantize import quantize_graph
from mcuq.quantize.reference import Reference
from mcuq.quantize.report import WeightReport
from mcuq.quantize.rounding.choose import Methods
from mcuq.quantize.ties import check_ties
from mcuq.reading.files import read_file

STORED_SUFFIX = ".mcuq.npz"


@dataclasses.dataclass(frozen=True)
class CalibrationData:
    """Where calibration samples come from.

    Args:
        source: samples, or a path in a form of `mcuq.calibrate.data.read_samples`.
        labels: classes of the samples, for stratified sampling.
        preprocessing: of image folders.
    """

    source: Path | Samples
    labels: Path | None = None
    preprocessing: Preprocessing | None = None

    def record(self) -> tuple[tuple[str, str], ...]:
        """How images became values, as option pairs for the manifest; nothing for other data."""
        if self.preprocessing is None or not isinstance(self.source, Path) or not self.source.is_dir():
            return ()
        values = dataclasses.asdict(self.preprocessing)
        shown = {key: value.value if isinstance(value, enum.Enum) else value for key, value in values.items()}
        return tuple((f"image.{key}", repr(value)) for key, value in shown.items() if value is not None)


def input_specs(graph: Graph) -> tuple[InputSpec, ...]:
    """The model's inputs in the model's own layout."""
    return tuple(InputSpec(port.name, port.model_shape) for port in graph.inputs)


def load_program(path: Path) -> Program:
    """A stored program.

    Raises:
        McuqError: O012 where the file is missing, O014 where it is no file, O015 where it is absurdly large,
            M009 where it is damaged.
    """
    return program_from_npz(read_file(path, MAX_BYTES), path.name, STEP_OPS)


def read_calibration(specs: Sequence[InputSpec], data: CalibrationData) -> Samples:
    """All samples that were given for a model's inputs.

    Raises:
        McuqError: as `read_samples` and `Samples.fit`.
    """
    if isinstance(data.source, Samples):
        return data.source.fit(specs)
    return read_samples(data.source, specs, data.preprocessing)


def calibration_samples(
    graph: Graph, data: CalibrationData | None, options: QuantOptions
) -> tuple[Samples, RangeSource]:
    """The samples that ranges are measured on: chosen from the data, or synthetic where there is none."""
    specs = input_specs(graph)
    if data is None:
        given = {name: Range(*limits) for name, limits in options.input_ranges.items()}
        synthetic = synthetic_samples(specs, options.samples, options.seed, given)
        return synthetic, RangeSource.SYNTHETIC
    samples = read_calibration(specs, data)
    labels = None if data.labels is None else read_labels(data.labels, len(samples))
    chosen = select_samples(len(samples), options.samples, Sampling(options.sampling), labels, options.seed)
    return samples.take(chosen), RangeSource.CALIBRATED


def check_input_ranges(graph: Graph, given: Mapping[str, tuple[float, float]]) -> None:
    """Refuse ranges for inputs that the model does not have.

    Raises:
        McuqError: O001.
    """
    names = [port.name for port in graph.inputs]
    for name in given:
        if name not in names:
            raise fail(
                "O001",
                f"the model has no input {name!r}",
                where="--input-range",
                why=f"its inputs are {', '.join(map(repr, names))}",
                fix="name one of these",
            )


@dataclasses.dataclass(frozen=True)
class Calibrated:
    """A canonical graph with the ranges of its tensors.

    Args:
        graph: stage CANONICAL.
        ranges: of its calibrated tensors.
        source: where they came from.
        samples: what they were measured on, None where they came from a file.
        model_sha256: hash of the model file.
        preprocessing: how images became values, as option pairs.
        warnings: what is suspicious about the samples.
        imported: parameters that came with the model or in a file, None where there are none.
        reference: what weights are fitted to, None where they are rounded to nearest.
        channels: what equalization needs, None where it is not tried.
    """

    graph: Graph
    ranges: Ranges
    source: RangeSource
    samples: Samples | None
    model_sha256: str
    preprocessing: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    imported: Imported | None = None
    reference: Reference | None = None
    channels: ChannelTruth | None = None


def calibrate_model(
    model: Model,
    data: CalibrationData | None,
    options: QuantOptions,
    progress: Progress | None = None,
    ranges: Path | None = None,
    encodings: Path | None = None,
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
    """
    graph = canonicalize(model.graph)
    check_input_ranges(graph, options.input_ranges)
    imported = find_imported(model, graph, encodings, options)
    if imported is not None and imported.encodings.activations:
        return _with_imported(imported, data, options, progress, ranges)
    # Nothing adjusts weights whose scales are given.
    asked = options if imported is None else ranges_alone(options)
    found = _calibrate(model, graph, data, asked, progress, ranges)
    overrides = resolve_overrides(graph, calibrated_tensors(graph), options.overrides)
    recorded = (*found.preprocessing, *override_record(options.overrides, overrides))
    return dataclasses.replace(found, imported=imported, preprocessing=recorded)


def _with_imported(
    imported: Imported,
    data: CalibrationData | None,
    options: QuantOptions,
    progress: Progress | None,
    ranges: Path | None,
) -> Calibrated:
    """Measure what the parameters leave open, if the caller gave something to measure it on."""
    graph, encodings = imported.graph, imported.encodings
    names = tensors_to_measure(imported, data is not None or ranges is not None)
    measured, samples = Ranges(from_seen(encodings.seen)), None
    if ranges is not None:
        measured = _read_ranges(names, ranges)
    elif data is not None:
        samples, _ = calibration_samples(graph, data, options)
        measured = measure_ranges(FloatRun(graph, names), samples, options, progress, names)
    recorded = data.record() if data is not None else encodings.recorded_beside(options.record())
    digest = imported.source.sha256
    return Calibrated(graph, measured, encodings.ranges, samples, digest, recorded, imported=imported)


def _calibrate(
    model: Model,
    graph: Graph,
    data: CalibrationData | None,
    options: QuantOptions,
    progress: Progress | None,
    ranges: Path | None,
) -> Calibrated:
    if ranges is not None and (options.overrides or options.ties):
        raise fail(
            "O013",
            "two options contradict each other",
            where="--ranges and --config",
            why="each of them says what the activation ranges are",
            fix="give --config to `mcuq calibrate`",
        )
    if ranges is not None:
        found = _read_ranges(calibrated_tensors(graph), ranges)
        return Calibrated(graph, found, RangeSource.CALIBRATED, None, model.sha256)
    remembered = read_data_free(model, options) if data is None else None
    if remembered is not None:
        return _without_data(graph, remembered, options, model.sha256, progress)
    samples, source = calibration_samples(graph, data, options)
    if data is None:
        found = observe(graph, samples, options, Wanted(), progress).ranges
        return Calibrated(graph, found, source, samples, model.sha256)
    seen = observe(graph, samples, options, Wanted.by(options, len(samples)), progress, model)
    return Calibrated(
        graph,
        seen.ranges,
        source,
        samples,
        model.sha256,
        data.record(),
        seen.warnings,
        reference=seen.reference,
        channels=seen.channels,
    )


def _without_data(
    graph: Graph, found: DataFree, options: QuantOptions, digest: str, progress: Progress | None
) -> Calibrated:
    """Ranges from normalizations; synthetic inputs of the guessed range fill in for the rest."""
    options = data_free_options(found, options)
    samples, _ = calibration_samples(graph, None, options)
    measured = observe(graph, samples, options, Wanted(), progress).ranges
    ranges = replace_ranges(graph, measured, found, options)
    return Calibrated(graph, ranges, RangeSource.DATA_FREE, samples, digest, found.record())


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


@dataclasses.dataclass(frozen=True)
class Compiled:
    """A program, and what was done to its weights.

    Args:
        program: the model in integers.
        weights: what adjusting the weights did, None where they were rounded to nearest.
        imported: what became of parameters that came with the model or in a file.
        calibrated: what it was compiled from, where that is not what was given.
    """

    program: Program
    weights: WeightReport | None
    imported: tuple[Note, ...] = ()
    calibrated: Calibrated | None = None


def compile_model(calibrated: Calibrated, options: QuantOptions) -> Program:
    """Quantize and lower a calibrated model."""
    return compile_reported(calibrated, options).program


def compile_reported(calibrated: Calibrated, options: QuantOptions) -> Compiled:
    """Quantize and lower a calibrated model; weights are adjusted where there are samples to do it with."""
    is_per_channel = options.weights == "per-channel"
    scheme, rounding = Scheme(options.activations), Rounding(options.rounding)
    graph, ranges, reference = calibrated.graph, calibrated.ranges, calibrated.reference
    report = None
    notes: tuple[Note, ...] = ()
    if calibrated.imported is not None:
        options = dataclasses.replace(options, weight_rounding="nearest")
        quantized, notes = quantize_imported(calibrated.imported, ranges, scheme, is_per_channel)
    elif options.weight_rounding != "nearest" and reference is not None:
        methods = Methods(rounding=options.weight_rounding)
        quantized, report = adjust_graph(graph, ranges, scheme, rounding, reference, methods, is_per_channel)
    else:
        quantized = quantize_graph(graph, ranges, scheme, is_per_channel)
    found = () if report is None else report.record()
    recorded = tuple(sorted((*options.record(), *calibrated.preprocessing, *found)))
    origin = Origin(calibrated.model_sha256, calibrated.source, recorded, to_seen(calibrated.ranges))
    program = lower_graph(quantized, rounding, origin)
    check_ties(program, options.ties)
    return Compiled(program, report, notes)

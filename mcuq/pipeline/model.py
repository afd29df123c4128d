"""From a model file to a program."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from mcuq.calibrate.data import InputSpec, Samples, read_samples
from mcuq.calibrate.images import Preprocessing
from mcuq.calibrate.labels import read_labels
from mcuq.calibrate.methods import METHODS
from mcuq.calibrate.params import Range, Scheme
from mcuq.calibrate.run import collect
from mcuq.calibrate.select import Sampling, select_samples
from mcuq.calibrate.synthetic import synthetic_samples
from mcuq.errors import fail
from mcuq.ir.graph import Graph
from mcuq.ir.integer import Rounding
from mcuq.ir.program import Origin, Program, RangeSource
from mcuq.ir.store import program_from_npz
from mcuq.onnxio.read import read_model
from mcuq.onnxio.write import write_graph
from mcuq.ops.registry import STEP_OPS
from mcuq.options import QuantOptions
from mcuq.passes.canonicalize import canonicalize
from mcuq.quantize.activations import calibrated_tensors
from mcuq.quantize.lower import lower_graph
from mcuq.quantize.quantize import quantize_graph

STORED_SUFFIX = ".mcuq.npz"
Progress = Callable[[int, int], None]


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


def input_specs(graph: Graph) -> tuple[InputSpec, ...]:
    """The model's inputs in the model's own layout."""
    return tuple(InputSpec(port.name, port.model_shape) for port in graph.inputs)


def load_program(path: Path) -> Program:
    """A stored program.

    Raises:
        McuqError: O012 where the file is missing, M009 where it is damaged.
    """
    return program_from_npz(read_bytes(path), path.name, STEP_OPS)


def read_bytes(path: Path) -> bytes:
    """A file's content.

    Raises:
        McuqError: O012.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise fail(
            "O012",
            "a file does not exist or cannot be read",
            where=str(path),
            why=str(error.strerror or error),
            fix="check the path",
        ) from error


def calibration_samples(
    graph: Graph, data: CalibrationData | None, options: QuantOptions
) -> tuple[Samples, RangeSource]:
    """The samples that ranges are measured on: chosen from the data, or synthetic where there is none."""
    specs = input_specs(graph)
    if data is None:
        given = {name: Range(*limits) for name, limits in options.input_ranges.items()}
        synthetic = synthetic_samples(specs, options.samples, options.seed, given)
        return synthetic, RangeSource.SYNTHETIC
    samples = data.source
    if isinstance(samples, Path):
        samples = read_samples(samples, specs, data.preprocessing)
    labels = None if data.labels is None else read_labels(data.labels, len(samples))
    chosen = select_samples(len(samples), options.samples, Sampling(options.sampling), labels, options.seed)
    return samples.take(chosen), RangeSource.CALIBRATED


def measure_ranges(
    graph: Graph, samples: Samples, options: QuantOptions, scheme: Scheme, progress: Progress | None
) -> dict[str, Range]:
    """The range of every calibrated tensor of a canonical graph.

    Model inputs are ranged by what was seen, or by the user, and never clipped by a search.
    """
    ports = {port.tensor: port.name for port in graph.inputs}
    tensors = [name for name in calibrated_tensors(graph) if name not in ports]
    stores = collect(
        write_graph(graph, tensors),
        list(ports.values()),
        samples,
        [*ports.values(), *tensors],
        progress=progress,
    )
    ranges = {name: METHODS[options.method](stores[name], scheme) for name in tensors}
    for tensor, name in ports.items():
        given = options.input_ranges.get(name)
        ranges[tensor] = Range(*given) if given else METHODS["minmax"](stores[name], scheme)
    return ranges


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


def compile_model(
    path: Path,
    data: CalibrationData | None,
    options: QuantOptions,
    progress: Progress | None = None,
) -> tuple[Program, Samples]:
    """Read, canonicalize, calibrate, quantize and lower an ONNX model.

    Args:
        path: the model.
        data: calibration samples; None measures ranges on synthetic inputs.
        options: how to quantize.
        progress: called as calibration goes on.

    Returns:
        The program and the samples it was calibrated with.
    """
    content = read_bytes(path)
    graph = canonicalize(read_model(path))
    check_input_ranges(graph, options.input_ranges)
    samples, source = calibration_samples(graph, data, options)
    ranges = measure_ranges(graph, samples, options, Scheme.ASYMMETRIC, progress)
    quantized = quantize_graph(graph, ranges, Scheme.ASYMMETRIC)
    origin = Origin(hashlib.sha256(content).hexdigest(), source, options.record())
    return lower_graph(quantized, Rounding.DOUBLE, origin), samples

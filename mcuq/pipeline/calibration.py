"""Which samples calibrate: those that were given, chosen as the options say."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from pathlib import Path

from mcuq.calibrate.data import InputSpec, Samples, read_samples
from mcuq.calibrate.images import Preprocessing
from mcuq.calibrate.labels import read_labels
from mcuq.calibrate.params import Range
from mcuq.calibrate.select import select_samples
from mcuq.calibrate.sequences import TimedSamples, add_state, read_sequences
from mcuq.calibrate.state import tie_states, tied_inputs
from mcuq.calibrate.synthetic import synthetic_samples
from mcuq.errors import fail
from mcuq.ir.graph import Graph
from mcuq.ir.model import Model
from mcuq.ops.onnx.write import write_graph
from mcuq.options import QuantOptions


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
    """The model's inputs in the model's own layout, without those that are state."""
    tied = tied_inputs(graph)
    return tuple(InputSpec(port.name, port.model_shape) for port in graph.inputs if port.name not in tied)


def read_calibration(graph: Graph, data: CalibrationData) -> Samples:
    """All samples that were given for a model's inputs, and what state is in each of them.

    Args:
        graph: with its ties.
        data: samples; where there is state, in the order of time.

    Raises:
        McuqError: as `read_samples`, `Samples.fit` and `FloatSession`.
    """
    specs = input_specs(graph)
    if tied_inputs(graph):
        return with_state(graph, read_sequences(data.source, specs, data.preprocessing))
    if isinstance(data.source, Samples):
        return data.source.fit(specs)
    return read_samples(data.source, specs, data.preprocessing)


def with_state(graph: Graph, given: TimedSamples) -> Samples:
    """The samples with what state is in each of them by the float model; unchanged without state."""
    return add_state(write_graph(graph), graph.outputs, given) if tied_inputs(graph) else given.samples


def tie_model(model: Model, options: QuantOptions) -> Model:
    """The model whose outputs feed inputs as the options say.

    Raises:
        McuqError: O019.
    """
    texts = [*options.state, *(f"{pair.input}:{pair.output}" for pair in options.state_pairs)]
    initial = {pair.input: pair.initial for pair in options.state_pairs if pair.initial is not None}
    graph = tie_states(model.graph, texts, {**initial, **options.state_initial})
    return dataclasses.replace(model, graph=graph)


def chosen_samples(graph: Graph, data: CalibrationData, options: QuantOptions) -> Samples:
    """The samples that calibrate, chosen from those that were given.

    Raises:
        McuqError: as `read_calibration`, `read_labels` and `select_samples`.
    """
    samples = read_calibration(graph, data)
    labels = None if data.labels is None else read_labels(data.labels, len(samples))
    chosen = select_samples(len(samples), options.samples, options.sampling, labels, options.seed)
    return samples.take(chosen)


def made_up_samples(graph: Graph, options: QuantOptions) -> Samples:
    """Noise in the ranges that the options give for inputs, where there are no samples."""
    given = {name: Range(*limits) for name, limits in options.input_ranges.items()}
    whole = {
        port.name: Range(port.whole.lo, port.whole.hi) for port in graph.inputs if port.whole is not None
    }
    specs, ranges = input_specs(graph), given | whole
    made = synthetic_samples(specs, options.samples, options.seed, ranges, frozenset(whole))
    return with_state(graph, TimedSamples(made, len(made)))


def check_input_ranges(graph: Graph, given: Mapping[str, tuple[float, float]]) -> None:
    """Refuse ranges for inputs that the model does not have, or that hold integers.

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
    for port in graph.inputs:
        if port.name in given and port.whole is not None:
            raise fail(
                "O001",
                f"the input {port.name!r} has no range",
                where="--input-range",
                why=f"it holds whole numbers, {port.whole.lo} to {port.whole.hi}, which are its codes",
                fix="leave the option out",
            )

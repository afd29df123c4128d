"""The quality of the integers beside that of the float model."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from typing import Literal

import numpy as np

from mcuq.calibrate.arrays import open_npy
from mcuq.calibrate.data import InputSpec, Samples, read_samples
from mcuq.calibrate.drift import drift_warnings, from_seen
from mcuq.calibrate.images import Preprocessing
from mcuq.calibrate.inspect import FEW_SAMPLES
from mcuq.calibrate.labels import read_labels
from mcuq.calibrate.run import Listener, Progress, StoreCollector, run_float
from mcuq.calibrate.sequences import TimedSamples, read_sequences
from mcuq.calibrate.state import tie_states, tied_inputs
from mcuq.errors import fail
from mcuq.frontend import read
from mcuq.ir.graph import Graph, StateTie
from mcuq.ir.integer import dequantize_array
from mcuq.ir.program import Program
from mcuq.ir.types import Array, Float32, Float64, Shape, freeze
from mcuq.ops.onnx.write import write_graph
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.calibration import with_state
from mcuq.pipeline.firmware import Firmware, open_firmware
from mcuq.pipeline.float_run import FloatRun
from mcuq.pipeline.preprocessing import recorded_preprocessing
from mcuq.pipeline.stats import bootstrap_ci
from mcuq.pipeline.stream import stream_windows, window_shape
from mcuq.simulator.ports import dequantize_outputs, quantize_inputs
from mcuq.simulator.simulate import simulate_program
from mcuq.stream.stream import stream_record

Metric = Literal["top1", "mse"]
# As many tell whether data is of another kind.
_DRIFT_SAMPLES = 256


@dataclasses.dataclass(frozen=True, slots=True)
class Score:
    """Quality of one output.

    Args:
        float_value: the metric of the float model, None without a metric.
        int8_value: the metric of the integers.
        agreement: share of samples with the same largest element, None for outputs of one element.
        sqnr_db: 10 log10 of signal power over error power, None where there is no error.
        ci95: 95 % bootstrap interval of the metric's difference, integers less float, None without a metric.
    """

    float_value: float | None
    int8_value: float | None
    agreement: float | None
    sqnr_db: float | None
    ci95: tuple[float, float] | None = None


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Scores by output name, and what is suspicious about the data."""

    samples: int
    metric: Metric | None
    outputs: dict[str, Score]
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """As `mcuq evaluate --json` prints it."""
        outputs = {
            name: {
                "float": score.float_value,
                "int8": score.int8_value,
                "agreement": score.agreement,
                "sqnr_db": score.sqnr_db,
                "ci95": None if score.ci95 is None else list(score.ci95),
            }
            for name, score in self.outputs.items()
        }
        return {
            "samples": self.samples,
            "metric": self.metric,
            "outputs": outputs,
            "warnings": list(self.warnings),
        }


def evaluate(
    directory: Path | Firmware,
    model: Path,
    inputs: Path | Samples,
    labels: Path | None,
    metric: Metric | None,
    progress: Progress | None = None,
    preprocessing: Preprocessing | None = None,
) -> Evaluation:
    """Run the float model and the simulator on the same inputs.

    Args:
        directory: a firmware directory, or what was read from one.
        model: the float model.
        inputs: samples, or where they are: real values in the model's layout.
        labels: classes for top1, target arrays for mse.
        metric: by default top1 with labels.
        progress: called as the float model runs.
        preprocessing: of image folders; by default what the build recorded.

    Raises:
        McuqError: O013 where the metric lacks labels or the model is another one.
    """
    firmware = directory if isinstance(directory, Firmware) else open_firmware(directory)
    program = firmware.plan.program
    graph = _tied(program, read(model, _recorded_shapes(program)).graph)
    _check_same_ports(program, graph, model)
    given = _read_inputs(program, inputs, preprocessing or recorded_preprocessing(program))
    samples = with_state(graph, given)
    metric = metric or ("top1" if labels is not None else None)
    truth = _read_truth(labels, metric, program, len(samples))
    real = run_float(write_graph(graph), samples, [port.name for port in program.outputs], progress=progress)
    quantized = _simulate(program, given, graph)
    scores = {
        port.name: _score(real[port.name], quantized[port.name], metric, truth) for port in program.outputs
    }
    return Evaluation(len(samples), metric, scores, _find_drift(program, graph, samples))


def _read_inputs(program: Program, inputs: Path | Samples, preprocessing: Preprocessing) -> TimedSamples:
    """The samples of the program's inputs; without state each is a sequence of its own."""
    record = stream_record(program)
    specs = [
        InputSpec(port.name, port.model_shape if record is None else window_shape(record, port.model_shape))
        for port in program.inputs
    ]
    if program.state and record is None:
        return read_sequences(inputs, specs, preprocessing)
    if isinstance(inputs, Samples):
        return TimedSamples(inputs.fit(specs), 1)
    return TimedSamples(read_samples(inputs, specs, preprocessing), 1)


def _tied(program: Program, graph: Graph) -> Graph:
    """The graph with the state that the build was given, as `QuantOptions.record` wrote it."""
    texts = [text for name, text in program.origin.options if re.fullmatch("state[.][0-9]{1,9}", name)]
    if not program.state or not texts:
        return graph
    tied = tie_states(graph, texts, {})
    # States begin as the firmware begins them.
    begins = {each.name: each for each in program.state}
    tensors = {port.name: port for port in tied.inputs}
    changed = []
    for port in tied.outputs:
        if port.feeds is not None and port.feeds.input in begins:
            each, before = begins[port.feeds.input], tensors[port.feeds.input]
            quant = program.tensors[each.before].quant
            real = dequantize_array(each.initial, quant.step, quant.zero_point)
            moved = real.reshape([before.model_shape[axis] for axis in before.perm])
            initial = freeze(moved.transpose(np.argsort(before.perm)), "float32")
            port = dataclasses.replace(port, feeds=StateTie(port.feeds.input, initial))
        changed.append(port)
    return dataclasses.replace(tied, outputs=tuple(changed))


def _recorded_shapes(program: Program) -> dict[str, Shape]:
    """The input shapes that the build was given, as `QuantOptions.record` wrote them."""
    prefix = "input-shape."
    return {
        name[len(prefix) :]: tuple(int(size) for size in text.split(",") if size)
        for name, text in program.origin.options
        if name.startswith(prefix) and re.fullmatch("[0-9]{1,9}(,[0-9]{1,9})*,?", text)
    }


def _find_drift(program: Program, graph: Graph, samples: Samples) -> tuple[str, ...]:
    """What evaluation data does otherwise than calibration data, in at most 256 samples of it."""
    seen = from_seen(program.origin.seen)
    if not seen or len(samples) < FEW_SAMPLES:
        return ()
    count = min(len(samples), _DRIFT_SAMPLES)
    chosen = samples.take(np.arange(count) * len(samples) // count)
    graph = canonicalize(graph)
    names = tuple(name for name in seen if name in graph.tensors)
    stores = StoreCollector(names)
    FloatRun(graph, names).listen(chosen, [Listener(names, stores.take)])
    return drift_warnings(seen, stores.stores(), count)


def _check_same_ports(program: Program, graph: Graph, model: Path) -> None:
    tied = tied_inputs(graph)
    found = [port for port in graph.inputs if port.name not in tied]
    found += [port for port in graph.outputs if port.feeds is None]
    ports = [(port.name, port.model_shape) for port in found]
    own = [(port.name, port.model_shape) for port in (*program.inputs, *program.outputs)]
    record = stream_record(program)
    if record is not None:
        # A stream has other columns of time.
        time = dict.fromkeys((port.name for port in program.inputs), record.axis)
        time |= {output.name: output.axis for output in record.outputs if output.axis is not None}
        ports = [(name, _without(shape, time.get(name))) for name, shape in ports]
        own = [(name, _without(shape, time.get(name))) for name, shape in own]
    if own != ports:
        raise fail(
            "O013",
            "the model is not the one that the firmware was built from",
            where=str(model),
            why=f"its inputs and outputs are {ports}, the firmware's {own}",
            fix="give the model that was built",
        )


def _without(shape: Shape, axis: int | None) -> Shape:
    return shape if axis is None else (*shape[:axis], *shape[axis + 1 :])


def _simulate(program: Program, given: TimedSamples, graph: Graph) -> dict[str, Float32]:
    record = stream_record(program)
    if record is not None:
        samples, shapes = given.samples, {port.name: port.model_shape for port in graph.outputs}
        columns = {o.name: shapes[o.name][o.axis] for o in record.outputs if o.axis is not None}
        windows = {name: samples.array(name) for name in samples.names}
        return stream_windows(program, record, windows, columns)
    # A sequence is computed at once, as state goes through it.
    size = given.steps if program.state else 32
    parts = [
        dequantize_outputs(program, simulate_program(program, quantize_inputs(program, batch)))
        for batch in given.samples.batches(size)
    ]
    return {port.name: np.concatenate([part[port.name] for part in parts]) for port in program.outputs}


def _read_truth(labels: Path | None, metric: Metric | None, program: Program, samples: int) -> Array | None:
    if metric is None:
        return None
    if labels is None:
        raise fail(
            "O013",
            f"the metric {metric} needs labels",
            where="--metric",
            why="no --labels were given",
            fix="give --labels, or leave --metric out for agreement and SQNR alone",
        )
    if metric == "top1":
        return read_labels(labels, samples)
    port = program.outputs[0]
    target = open_npy(labels)
    if target.shape not in ((samples, *port.model_shape), (samples, *port.model_shape[1:])):
        raise fail(
            "O009",
            "labels do not match the samples",
            where=str(labels),
            why=f"targets of shape {target.shape}, expected {(samples, *port.model_shape[1:])}",
            fix="give one target array per sample, shaped like the output",
        )
    values = np.asarray(target.rows(0, samples)).reshape(samples, -1)
    if not np.isfinite(values).all():
        raise fail(
            "O008",
            "a target is NaN or infinite",
            where=str(labels),
            why=f"sample {int(np.argmin(np.isfinite(values).all(axis=1)))} of {samples}",
            fix="remove or repair the sample",
        )
    return values


def _score(real: Float32, quantized: Float32, metric: Metric | None, truth: Array | None) -> Score:
    rows = [values.reshape(len(values), -1).astype(np.float64) for values in (real, quantized)]
    measured: list[float | None] = [None, None]
    interval = None
    if metric is not None and truth is not None:
        each = [_per_sample(row, metric, truth) for row in rows]
        measured = [float(values.mean()) for values in each]
        interval = bootstrap_ci(each[1] - each[0])
    agreement = None
    if rows[0].shape[1] > 1:
        agreement = float((rows[0].argmax(axis=1) == rows[1].argmax(axis=1)).mean())
    signal, noise = float((rows[0] ** 2).sum()), float(((rows[0] - rows[1]) ** 2).sum())
    sqnr = 10 * math.log10(signal / noise) if signal > 0 and noise > 0 else None
    return Score(measured[0], measured[1], agreement, sqnr, interval)


def _per_sample(row: Float64, metric: Metric, truth: Array) -> Float64:
    """The metric of every sample, whose mean is that of all."""
    if metric == "top1":
        return np.asarray(row.argmax(axis=1) == truth, np.float64)
    return np.asarray(((row - truth) ** 2).mean(axis=1), np.float64)

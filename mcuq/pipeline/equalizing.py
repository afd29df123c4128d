"""Cross-layer equalization of a calibrated model, kept where it helps."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from mcuq.calibrate.data import Samples
from mcuq.errors import fail
from mcuq.ir.graph import Graph
from mcuq.ir.integer import dequantize_array
from mcuq.ir.program import Program, RangeSource
from mcuq.ir.types import Float32, Float64
from mcuq.options import QuantOptions
from mcuq.pipeline.adjusting import fitting_samples, stream_device
from mcuq.pipeline.model import Calibrated, Compiled, Progress, compile_reported, measure_ranges
from mcuq.quantize.equalize.solve import Equalized, equalize_graph
from mcuq.quantize.equalize.statistics import collect_channels
from mcuq.quantize.reference import LEAST_SAMPLES, is_held_out
from mcuq.quantize.report import Equalization, WeightReport
from mcuq.simulator.ports import quantize_inputs
from mcuq.simulator.simulate import CHUNK, trace_program

# Below this the attempt is not worth the time of a second calibration.
LEAST_PREDICTED_DB = 0.25


def compile_best(calibrated: Calibrated, options: QuantOptions, progress: Progress | None = None) -> Compiled:
    """Quantize and lower a calibrated model, equalized where the options ask for it or it is found to help.

    Raises:
        McuqError: O013 where equalization is asked for without calibration samples.
    """
    if options.equalize == "off" or not _can_equalize(calibrated, options):
        return compile_reported(calibrated, options)
    samples = calibrated.samples
    assert samples is not None
    found = _equalize(calibrated.graph, samples, options)
    if not found.groups or (options.equalize == "auto" and found.predicted_db < LEAST_PREDICTED_DB):
        return compile_reported(calibrated, options)
    ranges = measure_ranges(found.graph, samples, options, progress)
    equalized = dataclasses.replace(calibrated, graph=found.graph, ranges=ranges)
    if options.equalize == "on":
        report = Equalization(found.groups, found.predicted_db, None, True)
        return _with_report(compile_reported(equalized, options), equalized, report)
    return _better(calibrated, equalized, found, options)


def _can_equalize(calibrated: Calibrated, options: QuantOptions) -> bool:
    """Whether there is what equalization needs.

    Raises:
        McuqError: O013 where there is not, but the user asks for it.
    """
    why = None
    if calibrated.imported is not None:
        why = "parameters that came with the model or in a file are in its units, which equalization changes"
    elif calibrated.source is not RangeSource.CALIBRATED or calibrated.samples is None:
        why = "it weighs the ranges of channels, which only calibration samples show"
    elif len(calibrated.samples) < LEAST_SAMPLES:
        why = f"it needs {LEAST_SAMPLES} calibration samples, found {len(calibrated.samples)}"
    elif options.overrides:
        why = "settings of single tensors are in the units of the model, which it changes"
    if why is not None and options.equalize == "on":
        raise fail(
            "O013",
            "the network cannot be equalized",
            where="--equalize on",
            why=why,
            fix="leave --equalize out, or give --calibration and no settings of single tensors",
        )
    return why is None


def _equalize(graph: Graph, samples: Samples, options: QuantOptions) -> Equalized:
    names = tuple(node.output for node in graph.nodes)
    inputs = tuple(port.tensor for port in graph.inputs)
    stats = collect_channels(stream_device(graph, samples, (*inputs, *names)))
    return equalize_graph(graph, stats, options.weights == "per-channel")


def _better(plain: Calibrated, equalized: Calibrated, found: Equalized, options: QuantOptions) -> Compiled:
    """Of both programs the one with the smaller error on held-out samples."""
    assert plain.samples is not None
    samples = fitting_samples(plain.samples)
    held_out = samples.take([index for index in range(len(samples)) if is_held_out(index)])
    names = judged_tensors(plain.graph)
    batches = list(stream_device(plain.graph, held_out, names))
    real = {name: np.concatenate([batch[name] for batch in batches]) for name in names}
    first, second = (compile_reported(each, options) for each in (plain, equalized))
    error, trial = (_error(each.program, held_out, real) for each in (first, second))
    gain = 10 * math.log10(error / trial) if error > 0 and trial > 0 else 0.0
    report = Equalization(found.groups, found.predicted_db, gain, gain > 0)
    if report.is_kept:
        return _with_report(second, equalized, report)
    return _with_report(first, plain, report)


def _with_report(compiled: Compiled, calibrated: Calibrated, report: Equalization) -> Compiled:
    """Say what was done, in the program too."""
    origin = compiled.program.origin
    options = tuple(sorted((*origin.options, *report.record())))
    program = dataclasses.replace(compiled.program, origin=dataclasses.replace(origin, options=options))
    weights = dataclasses.replace(compiled.weights or WeightReport(()), equalization=report)
    return dataclasses.replace(compiled, program=program, weights=weights, calibrated=calibrated)


def judged_tensors(graph: Graph) -> tuple[str, ...]:
    """The tensors by which quantized networks are compared: outputs, and logits rather than probabilities."""
    return tuple(dict.fromkeys(_before_softmax(graph, port.tensor) for port in graph.outputs))


def _before_softmax(graph: Graph, name: str) -> str:
    """The tensor that a final softmax or argmax reads: probabilities near 0 and 1 hide errors."""
    current = name
    while (node := graph.producer(current)) is not None and len(node.inputs) == 1:
        if node.op.is_judged_by_input:
            return node.inputs[0]
        if not node.op.is_layout:
            break
        current = node.inputs[0]
    return name


def _error(program: Program, samples: Samples, real: dict[str, Float32]) -> float:
    """Squared error of tensors, each relative to its power."""
    codes = quantize_inputs(program, {name: samples.array(name) for name in samples.names})
    errors = dict.fromkeys(real, 0.0)
    # A reshaped tensor is no step's output, but lies in the memory of one.
    names = {tensor.storage: tensor.name for tensor in program.tensors if tensor.name in real}
    for start in range(0, len(samples), CHUNK):
        chunk = [array[start : start + CHUNK] for array in codes]
        for _, step, y in trace_program(program, chunk):
            name = names.get(program.storage(step.output))
            if name is not None:
                quant = program.tensors[step.output].quant
                found = dequantize_array(y, quant.step, quant.zero_point)
                wanted = real[name][start : start + CHUNK]
                errors[name] += _squares(found.reshape(wanted.shape) - wanted)
    return sum(error / max(_squares(real[name]), 1e-300) for name, error in errors.items())


def _squares(values: Float32 | Float64) -> float:
    return float(np.square(values, dtype=np.float64).sum())

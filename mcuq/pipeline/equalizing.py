"""Cross-layer equalization of a calibrated model, kept where it helps."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from mcuq.calibrate.run import Progress
from mcuq.errors import fail
from mcuq.ir.integer import dequantize_array
from mcuq.ir.program import Program
from mcuq.ir.types import Float32, Float64
from mcuq.options import QuantOptions
from mcuq.pipeline.calibrate import Calibrated, Imported, Measured
from mcuq.pipeline.compile import Compiled, compile_model
from mcuq.pipeline.measure import ChannelTruth, Observed, Wanted, observe
from mcuq.pipeline.ranging import ranges_of
from mcuq.quantize.activation_widths import resolve_widths
from mcuq.quantize.equalize.network import Precision
from mcuq.quantize.equalize.solve import Equalized, equalize_graph
from mcuq.quantize.reference import LEAST_SAMPLES
from mcuq.quantize.report import Equalization, WeightReport
from mcuq.quantize.weight_widths import weight_bits
from mcuq.settings import has_ranges
from mcuq.simulator.ports import quantize_inputs
from mcuq.simulator.simulate import samples_together, trace_program

# Below this the attempt is not worth the time of a second calibration.
LEAST_PREDICTED_DB = 0.25


@dataclasses.dataclass(frozen=True, slots=True)
class Rescaled:
    """The network with other channels between layers, and what it showed on the samples.

    Args:
        found: the graph, and what is promised of it.
        seen: of the same samples.
    """

    found: Equalized
    seen: Observed


def compile_best(calibrated: Calibrated, options: QuantOptions, progress: Progress | None = None) -> Compiled:
    """Quantize and lower a calibrated model, equalized where the options ask for it or it is found to help.

    Raises:
        McuqError: O013 where equalization is asked for without calibration samples.
    """
    return compile_better(calibrated, rescale(calibrated, options, progress), options)


def rescale(
    calibrated: Calibrated, options: QuantOptions, progress: Progress | None = None
) -> Rescaled | None:
    """Equalize a calibrated model and run it over its samples; None where that is excluded, or of no use.

    Raises:
        McuqError: O013 where equalization is asked for without calibration samples.
    """
    if options.equalize == "on":
        _check_equalizable(calibrated, options)
    if options.equalize == "off" or not isinstance(calibrated, Measured) or calibrated.channels is None:
        return None
    truth = calibrated.channels
    precision = Precision(
        weight_bits(calibrated.graph, options),
        resolve_widths(calibrated.graph, calibrated.ranges, options).wide,
    )
    found = equalize_graph(calibrated.graph, truth.channels, options.weights == "per-channel", precision)
    if not found.groups or (options.equalize == "auto" and found.predicted_db < LEAST_PREDICTED_DB):
        return None
    # Scales are no powers of two, so its values are no multiples of those seen: it is another float model.
    wanted = dataclasses.replace(Wanted.by(options, len(calibrated.samples)), equalizes=False)
    return Rescaled(found, observe(found.graph, calibrated.samples, options, wanted, progress))


def compile_better(calibrated: Calibrated, rescaled: Rescaled | None, options: QuantOptions) -> Compiled:
    """Quantize and lower a calibrated model, and its rescaled network where there is one.

    Args:
        calibrated: the model.
        rescaled: of `rescale`, whose ranges are chosen again as these options say.
        options: how to quantize.
    """
    if rescaled is None:
        return compile_model(calibrated, options)
    assert isinstance(calibrated, Measured) and calibrated.channels is not None
    found, seen = rescaled.found, rescaled.seen
    ranges = ranges_of(found.graph, seen.stores, options, seen.methods)
    equalized = dataclasses.replace(
        calibrated,
        graph=found.graph,
        ranges=ranges,
        reference=seen.reference,
        stores=seen.stores,
        methods=seen.methods,
    )
    if options.equalize == "on":
        report = Equalization(found.groups, found.predicted_db, None, True)
        return _with_report(compile_model(equalized, options), report)
    return _better(calibrated, equalized, calibrated.channels, found, options)


def _check_equalizable(calibrated: Calibrated, options: QuantOptions) -> None:
    """Refuse equalization where there is not what it needs.

    Raises:
        McuqError: O013.
    """
    why = None
    if isinstance(calibrated, Imported):
        why = "parameters that came with the model or in a file are in its units, which equalization changes"
    elif not isinstance(calibrated, Measured):
        why = "it weighs the ranges of channels, which only calibration samples show"
    elif len(calibrated.samples) < LEAST_SAMPLES:
        why = f"it needs {LEAST_SAMPLES} calibration samples, found {len(calibrated.samples)}"
    elif has_ranges(options.overrides):
        why = "ranges of single tensors are in the units of the model, which it changes"
    if why is not None:
        raise fail(
            "O013",
            "the network cannot be equalized",
            where="--equalize on",
            why=why,
            fix="leave --equalize out, or give --calibration and no ranges of single tensors",
        )


def _better(
    plain: Measured, equalized: Measured, truth: ChannelTruth, found: Equalized, options: QuantOptions
) -> Compiled:
    """Of both programs the one with the smaller error on held-out samples."""
    first, second = (compile_model(each, options) for each in (plain, equalized))
    error, trial = (_error(each.by_sample, truth) for each in (first, second))
    gain = 10 * math.log10(error / trial) if error > 0 and trial > 0 else 0.0
    report = Equalization(found.groups, found.predicted_db, gain, gain > 0)
    if report.is_kept:
        return _with_report(second, report)
    return _with_report(first, report)


def _with_report(compiled: Compiled, report: Equalization) -> Compiled:
    """Say what was done, in the program too."""
    origin = compiled.program.origin
    options = tuple(sorted((*origin.options, *report.record())))
    program = dataclasses.replace(compiled.program, origin=dataclasses.replace(origin, options=options))
    weights = dataclasses.replace(compiled.weights or WeightReport(()), equalization=report)
    return dataclasses.replace(compiled, program=program, weights=weights)


def _error(program: Program, truth: ChannelTruth) -> float:
    """Squared error of the judged tensors, each relative to its power."""
    samples, real = truth.held_out, truth.judged
    codes = quantize_inputs(program, {name: samples.array(name) for name in samples.names})
    errors = dict.fromkeys(real, 0.0)
    # A reshaped tensor is no step's output, but lies in the memory of one.
    names = {tensor.storage: tensor.name for tensor in program.tensors if tensor.name in real}
    together = samples_together(program)
    for start in range(0, len(samples), together):
        chunk = [array[start : start + together] for array in codes]
        for _, step, ys in trace_program(program, chunk):
            for tensor, y in zip(step.outputs, ys, strict=True):
                name = names.get(program.storage(tensor))
                if name is not None:
                    quant = program.tensors[tensor].quant
                    found = dequantize_array(y, quant.step, quant.zero_point)
                    wanted = real[name][start : start + together]
                    errors[name] += _squares(found.reshape(wanted.shape) - wanted)
    return sum(error / max(_squares(real[name]), 1e-300) for name, error in errors.items())


def _squares(values: Float32 | Float64) -> float:
    return float(np.square(values, dtype=np.float64).sum())

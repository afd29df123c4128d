"""From a model and data to an analysis of its quantization."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from mcuq.analyze.advice import advise
from mcuq.analyze.layers import analyze_layers, observe_network
from mcuq.analyze.noise import NoiseBudget, measure_noise
from mcuq.analyze.page import render_page
from mcuq.analyze.result import Analysis, summarize
from mcuq.calibrate.data import Samples
from mcuq.calibrate.params import Scheme
from mcuq.calibrate.run import Listener, Progress, StoreCollector
from mcuq.calibrate.store import TensorStore
from mcuq.frontend import read
from mcuq.options import QuantOptions
from mcuq.pipeline.calibrate import Calibrated, calibrate_model, data_warnings, given_samples
from mcuq.pipeline.calibration import CalibrationData, chosen_samples, read_calibration
from mcuq.pipeline.equalizing import compile_best
from mcuq.pipeline.float_run import FloatRun

# Tensors whose histograms the page shows.
_HISTOGRAMS = 6


def analyze(
    model: Path,
    data: CalibrationData,
    options: QuantOptions,
    inputs: Path | None = None,
    samples: int = 32,
    page: Path | None = None,
    progress: Progress | None = None,
    ranges: Path | None = None,
    encodings: Path | None = None,
) -> tuple[Analysis, bytes | None]:
    """Quantize a model and measure the error of every layer.

    Args:
        model: an ONNX or TensorFlow Lite file.
        data: calibration samples.
        options: how to quantize.
        inputs: samples to measure on; by default those of the calibration.
        samples: how many of them.
        page: the title's file name if a page is wanted.
        progress: called as layers are measured.
        ranges: ranges of `mcuq calibrate`, instead of measuring them on the samples.
        encodings: parameters of another tool for tensors and weights, by the model's names.

    Returns:
        The analysis, and the HTML page if asked for.
    """
    source = read(model, options.input_shapes)
    measured = data if ranges is None else None
    calibrated = calibrate_model(source, measured, options, None, ranges, encodings)
    warnings = data_warnings(calibrated)
    compiled = compile_best(calibrated, options)
    # Where it was equalized, its tensors are not the model's.
    program, calibrated = compiled.by_sample, compiled.calibrated
    seen = given_samples(calibrated) or chosen_samples(calibrated.graph, data, options)
    if inputs is not None:
        seen = read_calibration(calibrated.graph, dataclasses.replace(data, source=inputs))
    chosen = seen.take(range(min(samples, len(seen))))
    network = observe_network(calibrated.graph, program, chosen)
    noise = measure_noise(network, progress)
    layers = analyze_layers(network)
    analysis = summarize(network, noise, layers, advise(noise, layers, options))
    analysis = dataclasses.replace(analysis, warnings=warnings)
    if page is None:
        return analysis, None
    # What was calibrated, whatever it is measured on.
    stores = _stores(calibrated, given_samples(calibrated) or chosen, noise)
    used = {name: calibrated.ranges[name] for name in stores}
    return analysis, render_page(analysis, model.name, stores, Scheme(options.activations), used)


def _stores(calibrated: Calibrated, samples: Samples, noise: NoiseBudget) -> dict[str, TensorStore]:
    """Histograms of the calibrated tensors whose rounding costs most."""
    ranked = sorted(noise.parts, key=lambda part: -part.gain_db)
    names = [part.tensor for part in ranked if part.kind == "rounding" and part.tensor in calibrated.ranges]
    stores = StoreCollector(names[:_HISTOGRAMS])
    run = FloatRun(calibrated.graph, names[:_HISTOGRAMS])
    run.listen(samples, [Listener(tuple(names[:_HISTOGRAMS]), stores.take)])
    return stores.stores()

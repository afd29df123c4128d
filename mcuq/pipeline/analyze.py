"""From a model and data to an analysis of its quantization."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from mcuq.analyze.advice import advise
from mcuq.analyze.layers import analyze_layers, observe_network
from mcuq.analyze.page import render_page
from mcuq.analyze.result import Analysis, summarize
from mcuq.calibrate.data import Samples
from mcuq.calibrate.params import Scheme
from mcuq.calibrate.run import Listener, Progress, StoreCollector
from mcuq.calibrate.store import TensorStore
from mcuq.frontend import read
from mcuq.ir.graph import Graph
from mcuq.options import QuantOptions
from mcuq.pipeline.calibrate import Calibrated, calibrate_model, given_samples
from mcuq.pipeline.calibration import CalibrationData, read_calibration
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

    Returns:
        The analysis, and the HTML page if asked for.
    """
    calibrated = calibrate_model(read(model, options.input_shapes), data, options)
    compiled = compile_best(calibrated, options)
    # Where it was equalized, its tensors are not the model's.
    program, calibrated = compiled.by_sample, compiled.calibrated
    chosen = _samples(calibrated, data, inputs, samples)
    network = observe_network(calibrated.graph, program, chosen)
    layers = analyze_layers(network, progress)
    analysis = summarize(network, layers, advise(layers, options))
    if page is None:
        return analysis, None
    stores = _stores(calibrated.graph, chosen, analysis)
    return analysis, render_page(analysis, model.name, stores, Scheme(options.activations))


def _samples(calibrated: Calibrated, data: CalibrationData, inputs: Path | None, count: int) -> Samples:
    samples = given_samples(calibrated)
    if inputs is not None:
        samples = read_calibration(calibrated.graph, dataclasses.replace(data, source=inputs))
    assert samples is not None
    return samples.take(range(min(count, len(samples))))


def _stores(graph: Graph, samples: Samples, analysis: Analysis) -> dict[str, TensorStore]:
    """Histograms of the costliest layers' tensors."""
    ranked = sorted(analysis.layers, key=lambda layer: -layer.isolated_noise)
    names = [layer.tensor for layer in ranked[:_HISTOGRAMS]]
    stores = StoreCollector(names)
    FloatRun(graph, names).listen(samples, [Listener(tuple(names), stores.take)])
    return stores.stores()

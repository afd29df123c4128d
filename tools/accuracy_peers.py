"""Defaults beside every other quantizer at hand: the same model, samples and metric in one run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from bench import Subject
from peers import METHODS, FloatArray, calibration_samples, onnxruntime_static
from zoo import SHARED

import mcuq
from mcuq.options import QuantOptions

# An interpreter that has esp-ppq and torch; without one its rows are left out, which standard error says.
ESP_PPQ = os.environ.get("ESP_PPQ_PYTHON")
SETTINGS = ("TRT", "ESPDL")
OFFICIAL = {"ic": "ic_resnet8_int8", "kws": "kws_dscnn_int8"}


def peer_rows(subjects: Iterable[Subject], scored: Callable[[Subject, FloatArray], str]) -> Iterator[str]:
    """One row per network and quantizer.

    Args:
        subjects: the networks with their data.
        scored: cells of quality, samples right, agreement and SQNR.
    """
    yield "| model | tool | quality | samples right | agreement | SQNR, dB |"
    yield "|---|---|---|---|---|---|"
    for subject in subjects:
        for name, outputs in _outputs(subject):
            yield f"| {subject.entry.name} | {name} | {scored(subject, outputs)} |"


def _outputs(subject: Subject) -> Iterator[tuple[str, FloatArray]]:
    options = QuantOptions(sampling="stratified")
    yield "mcuq, defaults", subject.outputs(subject.build(options))
    for method in METHODS:
        found = onnxruntime_static(subject.entry, subject.data, method, options.samples)
        yield f"onnxruntime, {method}", found
    for setting in SETTINGS if ESP_PPQ else ():
        yield f"esp-ppq, {setting}", _esp_ppq(subject, setting, options.samples)
    if not ESP_PPQ:
        print("esp-ppq is left out: ESP_PPQ_PYTHON names no interpreter that has it", file=sys.stderr)
    path = SHARED / "mlperf_tiny" / "tflite" / f"{OFFICIAL.get(subject.entry.name)}.tflite"
    if path.is_file():
        yield "TensorFlow's official int8 file", _official(subject, path)


def _esp_ppq(subject: Subject, setting: str, samples: int) -> FloatArray:
    """esp-ppq's own simulator, in a process of its own interpreter."""
    assert ESP_PPQ is not None
    given, found = (subject.folder / name for name in ("esp_ppq.npz", "esp_ppq.npy"))
    shape = _model_shape(subject.entry.path)
    calibration = calibration_samples(subject.data, samples).reshape(-1, *shape)
    np.savez(given, calibration=calibration, evaluation=subject.data.eval_x.reshape(-1, *shape))
    tool = Path(__file__).with_name("peers_esp_ppq.py")
    command = [ESP_PPQ, str(tool), str(subject.entry.path), setting, str(given), str(found)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    outputs: FloatArray = np.load(found)
    return outputs


def _model_shape(path: Path) -> tuple[int, ...]:
    import onnx

    dims = onnx.load(path).graph.input[0].type.tensor_type.shape.dim
    return tuple(dim.dim_value for dim in dims[1:])


def _official(subject: Subject, path: Path) -> FloatArray:
    """The integers of the file: mcuq takes them as they are, bit for bit as tflite-micro computes them."""
    output = subject.folder / "official"
    result = mcuq.build(path, "cortex-m4", output=output, name=subject.entry.name, verify="none")
    (port,) = result.plan.program.inputs
    values = subject.data.eval_x.reshape(-1, *port.model_shape)
    (found,) = mcuq.simulate(mcuq.open_firmware(output), {port.name: values}).values()
    return found.reshape(len(values), -1)

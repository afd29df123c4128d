"""`python -m tests.tflite_files.page`: real files beside TensorFlow Lite Micro, for docs/verification.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mcuq.calibrate.data import Samples
from mcuq.frontend import ModelFile
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.float_run import FloatRun
from tests.shared_data import shared_file
from tests.tflite_files.__main__ import write_section
from tests.tflite_files.wheel import as_in_file, compare, noise
from tests.truth.packages import require_package
from tests.truth.tflite import read_network
from tests.truth.tflm import run_tflm

INT8_FILES = (
    "mlperf_tiny/tflite/ic_resnet8_int8.tflite",
    "mlperf_tiny/tflite/kws_dscnn_int8.tflite",
    "model_zoo/micro_speech_int8.tflite",
    "model_zoo/tflm_person_detect_int8.tflite",
)
_MARKS = tuple(f"<!-- {mark}: TensorFlow Lite files -->" for mark in ("begin", "end"))
HEADER = """## TensorFlow Lite files

Written by `make verify-tflite`: what mcuq compiles of a file beside the kernels of TensorFlow Lite Micro. Of
int8 files every intermediate tensor is compared, for 32 random inputs and both extremes. A float file is
quantized by mcuq, so that its float model is compared: the largest difference of an output, of 64 inputs.

| file | operators | inputs | values compared | result |
|---|---|---|---|---|"""


def float_difference(path: Path) -> tuple[int, float]:
    """How many outputs of a float file were compared, and how far the farthest is from the wheel's."""
    data = path.read_bytes()
    network = read_network(data)
    rng = np.random.default_rng(7)
    xs = [rng.uniform(0, 6.25, (64, *network.tensors[i].shape)).astype(np.float32) for i in network.inputs]
    expected = run_tflm(data, network, xs)
    graph = canonicalize(ModelFile(path, data).read().graph)
    outputs = [port.tensor for port in graph.outputs]
    samples = Samples.from_arrays({port.name: x for port, x in zip(graph.inputs, xs, strict=True)})
    found = list(FloatRun(graph, outputs).values(samples, outputs))
    count, farthest = 0, 0.0
    for index, port in zip(network.outputs, graph.outputs, strict=True):
        values = as_in_file(port, np.stack([each[port.tensor] for each in found]))
        count += values.size
        farthest = max(farthest, float(np.abs(values - expected[index].reshape(values.shape)).max()))
    return count, farthest


def rows() -> Iterator[str]:
    """One for each file."""
    for name in INT8_FILES:
        data = shared_file(name).read_bytes()
        network = read_network(data)
        xs = [noise(network.tensors[i].shape, network.tensors[i].zero_point) for i in network.inputs]
        compared, _ = compare(data, xs)
        yield _row(Path(name).name, network, 34, compared, "0 differ")
    path = require_package("tflite-micro", "tflite_micro") / "python/tflite_micro/sine_float.tflite"
    compared, farthest = float_difference(path)
    network = read_network(path.read_bytes())
    yield _row(f"{path.name} of the package tflite-micro", network, 64, compared, f"within {farthest:.0e}")


def _row(name: str, network, samples: int, compared: int, result: str) -> str:
    kinds = " ".join(sorted({layer.kind for layer in network.layers}))
    return f"| {name} | {kinds} | {samples} | {compared:,} | {result} |"


def main() -> int:
    """Print the table; put it into a document where one is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="a document that the table is put into")
    options = parser.parse_args()
    text = "\n".join([HEADER, *rows()])
    print(text)
    if options.output is not None:
        write_section(options.output, text, _MARKS)
    return 0


if __name__ == "__main__":
    sys.exit(main())

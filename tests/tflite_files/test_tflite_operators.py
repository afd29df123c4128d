"""Every operator alone: in float close to TensorFlow Lite Micro's result, in int8 equal to it."""

from pathlib import Path

import numpy as np
import pytest

from mcuq.calibrate.data import Samples
from mcuq.frontend import ModelFile
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.float_run import FloatRun
from tests.tflite_files.operators import FLOATS, MOVES, SCALE, ZERO_POINT
from tests.tflite_files.wheel import as_in_file, compare, noise
from tests.truth.tflite import write_network
from tests.truth.tflm import run_tflm


@pytest.mark.parametrize("name", FLOATS)
def test_float_operator_computes_what_tflm_computes(name):
    network = FLOATS[name].network("float32")
    data = write_network(network)
    rng = np.random.default_rng(3)
    xs = [2 * rng.normal(size=(4, *network.tensors[i].shape)).astype(np.float32) for i in network.inputs]
    expected = run_tflm(data, network, xs)
    graph = canonicalize(ModelFile(Path("model.tflite"), data).read().graph)
    outputs = [port.tensor for port in graph.outputs]
    ports = {port.name: port for port in graph.outputs}
    assert list(ports) == [f"tensor_{index}" for index in network.outputs]
    samples = Samples.from_arrays({port.name: x for port, x in zip(graph.inputs, xs, strict=True)})
    found = list(FloatRun(graph, outputs).values(samples, outputs))
    for index, port in zip(network.outputs, ports.values(), strict=True):
        values = as_in_file(port, np.stack([each[port.tensor] for each in found]))
        np.testing.assert_allclose(values, expected[index], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", MOVES)
def test_int8_operator_computes_what_tflm_computes(name):
    network = MOVES[name].network("int8")
    xs = [noise(network.tensors[i].shape, ZERO_POINT) for i in network.inputs]
    assert network.tensors[0].scale in ((), (SCALE,))
    compared, missing = compare(write_network(network), xs)
    assert compared or missing <= {"RESHAPE", "SQUEEZE", "EXPAND_DIMS"}

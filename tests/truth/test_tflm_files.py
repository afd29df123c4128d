"""Every layer of the official int8 files equals TensorFlow Lite Micro's, on real and on random inputs."""

import dataclasses

import numpy as np
import pytest

from mcuq.ir.integer import quantize_array
from tests.shared_data import shared_file
from tests.truth.tflite import read_network
from tests.truth.tflite_steps import run_steps
from tests.truth.tflm import run_tflm


@dataclasses.dataclass(frozen=True)
class File:
    """A file, the task whose data are its real inputs, its kinds of layers, and the values of one run."""

    name: str
    task: str | None
    kinds: str
    values: int


FILES = (
    File(
        "mlperf_tiny/tflite/ic_resnet8_int8.tflite",
        "ic",
        "ADD AVERAGE_POOL_2D CONV_2D FULLY_CONNECTED RESHAPE SOFTMAX",
        114_836,
    ),
    File(
        "mlperf_tiny/tflite/kws_dscnn_int8.tflite",
        "kws",
        "AVERAGE_POOL_2D CONV_2D DEPTHWISE_CONV_2D FULLY_CONNECTED RESHAPE SOFTMAX",
        72_152,
    ),
    File(
        "model_zoo/micro_speech_int8.tflite",
        None,
        "DEPTHWISE_CONV_2D FULLY_CONNECTED RESHAPE SOFTMAX",
        5_968,
    ),
    File(
        "model_zoo/tflm_person_detect_int8.tflite",
        "vww",
        "AVERAGE_POOL_2D CONV_2D DEPTHWISE_CONV_2D RESHAPE SOFTMAX",
        231_814,
    ),
)
REAL, NOISE = 96, 32


def _real_inputs(task, x):
    """Evaluation data as codes of the network's input, `[samples, *shape]`."""
    if task is None:
        return np.empty((0, *x.shape), np.int8)
    with np.load(shared_file(f"mlperf_tiny/data/{task}.npz")) as pack:
        codes, zero_point, scale = pack["eval_x"][:REAL], pack["float_zero_point"], pack["float_scale"]
    real = (codes.astype(np.float32) - np.float32(zero_point)) * scale
    if task == "vww":
        # Person detection sees gray images in [-1, 1].
        real = codes.astype(np.float32).mean(axis=3, keepdims=True) / np.float32(127.5) - np.float32(1)
    return quantize_array(real, x.scale[0], x.zero_point).reshape(-1, *x.shape)


def _noise(x):
    """Random codes around the zero point, of every amplitude, and the two ends."""
    rng = np.random.default_rng(7)
    amplitude = np.resize([256, 128, 32, 4], NOISE).reshape(-1, *[1] * len(x.shape))
    noise = np.clip(x.zero_point + (rng.random((NOISE, *x.shape)) - 0.5) * amplitude, -128, 127)
    noise[-2], noise[-1] = -128, 127
    return noise.astype(np.int8)


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.split("/")[-1])
def test_tflm_equals_the_steps_of_an_official_file(file):
    data = shared_file(file.name).read_bytes()
    network = read_network(data)
    assert set(file.kinds.split()) == {layer.kind for layer in network.layers}
    (entry,) = (network.tensors[index] for index in network.inputs)
    x = np.concatenate([_real_inputs(file.task, entry), _noise(entry)])
    values = run_tflm(data, network, [x])
    compared = 0
    for number, layer in enumerate(network.layers):
        expected, found = values[layer.output], run_steps(network, layer, values)
        np.testing.assert_array_equal(
            expected, found.reshape(expected.shape), f"layer {number}: {layer.kind}"
        )
        compared += expected.size
    assert file.values * len(x) == compared

"""Functions of int8 models equal TensorFlow Lite Micro's for every code, at random scales and near ties."""

import numpy as np
import pytest

from mcuq.errors import McuqError
from tests.tflite_files.wheel import compare, program_of
from tests.truth.tflite import Layer, Network, TensorInfo, write_network
from tests.truth.tflite_layers import CODES, activation

FIXED = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}
SLOPES = (0.1, 0.3, 0.01, 0.5, 0.0, 1.5)


def _network(kind, index):
    rng = np.random.default_rng([index, *kind.encode()])
    x = activation(rng, (256,), None if rng.random() < 0.3 else 2.0 ** rng.uniform(-7, 0))
    if kind in FIXED:
        scale, zero_point = FIXED[kind]
        y = TensorInfo((256,), "int8", (scale,), zero_point)
    else:
        ratio = rng.choice([2.0 ** rng.uniform(-3, 3), 1 + 2.0 ** -rng.integers(14, 24), 2.0])
        y = activation(rng, (256,), x.scale[0] * ratio)
    options = {"alpha": float(np.float32(rng.choice(SLOPES)))} if kind == "LEAKY_RELU" else {}
    return Network((x, y), (Layer(kind, options, (0,), 1),), (0,), (1,))


@pytest.mark.parametrize("kind", ["ABS", "ELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "RELU", "TANH"])
def test_function_of_every_code_is_that_of_tflm(kind):
    compared = 0
    for index in range(100):
        count, missing = compare(write_network(_network(kind, index)), [CODES[None]])
        compared += count
        assert not missing
    assert compared == 25_600


def test_relu6_between_other_parameters_is_refused():
    network = _network("RELU", 1)
    (layer,) = network.layers
    other = Network(network.tensors, (Layer("RELU6", {}, layer.inputs, layer.output),), (0,), (1,))
    with pytest.raises(McuqError, match="RELU6") as error:
        program_of(write_network(other))
    assert error.value.problems[0].code == "M004"


def test_functions_in_a_row_stay_apart():
    """Each rounds to codes of its own: sigmoid, its product with its input, a sum of one tensor twice."""
    image = (1, 4, 4, 3)
    x = TensorInfo(image, "int8", (0.0625,), 3)
    gate = TensorInfo(image, "int8", (1 / 256,), -128)
    product = TensorInfo(image, "int8", (float(np.float32(0.04)),), -120)
    total = TensorInfo(image, "int8", (float(np.float32(0.07)),), -100)
    limited = TensorInfo(image, "int8", (float(np.float32(0.05)),), -128)
    plain = {"fusedActivationFunction": 0}
    layers = (
        Layer("LOGISTIC", {}, (0,), 1),
        Layer("MUL", plain, (0, 1), 2),
        Layer("ADD", plain, (2, 2), 3),
        Layer("RELU", {}, (3,), 4),
        Layer("SUB", plain, (4, 3), 5),
    )
    network = Network((x, gate, product, total, limited, product), layers, (0,), (5,))
    xs = np.random.default_rng(0).integers(-128, 128, (64, *image)).astype(np.int8)
    compared, missing = compare(write_network(network), [xs])
    assert (compared, missing) == (5 * 64 * 48, set())

"""Random int8 operators equal TensorFlow Lite Micro's, also those that become several of mcuq's."""

import pytest

from tests.tflite_files.layers import RANDOM, random_layers
from tests.tflite_files.wheel import compare
from tests.truth.tflite import write_network


@pytest.mark.parametrize("kind", sorted(RANDOM))
def test_program_of_a_random_operator_computes_the_tensor_of_tflm(kind):
    compared = 0
    for case in random_layers(kind, 30):
        compared += compare(write_network(case.network), case.xs)[0]
    assert compared > 500

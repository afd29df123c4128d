"""TensorFlow Lite files as models: every tensor equals TensorFlow Lite Micro's."""

import subprocess
import sys

import numpy as np
import pytest

from mcuq.errors import McuqError
from mcuq.pipeline.build import build
from mcuq.pipeline.evaluate import evaluate
from tests.project.source import ROOT
from tests.shared_data import shared_file
from tests.tflite_files.operators import IMAGE, Operator
from tests.tflite_files.page import float_difference
from tests.tflite_files.wheel import compare, noise, program_of
from tests.truth.packages import require_package
from tests.truth.tflite import read_network, write_network
from tests.truth.tflite_layers import RANDOM, random_layers

FILES = {  # a name, and the values of a run that a program has a tensor for
    "mlperf_tiny/tflite/ic_resnet8_int8.tflite": 114_772,
    "mlperf_tiny/tflite/kws_dscnn_int8.tflite": 72_088,
    "model_zoo/micro_speech_int8.tflite": 4_008,
    "model_zoo/tflm_person_detect_int8.tflite": 231_812,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_program_of_an_official_file_computes_the_tensors_of_tflm(name):
    data = shared_file(name).read_bytes()
    network = read_network(data)
    (entry,) = (network.tensors[index] for index in network.inputs)
    compared, missing = compare(data, [noise(entry.shape, entry.zero_point)])
    assert (compared, missing) == (34 * FILES[name], {"RESHAPE"})


@pytest.mark.parametrize("kind", sorted(RANDOM))
def test_program_of_a_random_layer_computes_the_tensor_of_tflm(kind):
    compared = 0
    for case in random_layers(kind, 40):
        count, missing = compare(write_network(case.network), case.xs)
        assert count > 0 and not missing
        compared += count
    assert compared > 2000


def test_firmware_of_a_file_is_verified(tmp_path):
    built = build(
        shared_file("model_zoo/micro_speech_int8.tflite"),
        "cortex-m4",
        output=tmp_path / "out",
        verify="emulator",
    )
    assert built.report.first_difference is None


def test_float_file_is_a_float_model(tmp_path):
    folder = require_package("tflite-micro", "tflite_micro")
    xs = np.linspace(0, 6.28, 64, dtype=np.float32).reshape(64, 1)
    np.save(tmp_path / "x.npy", xs)
    run = [sys.executable, "-m", "mcuq", "analyze", str(folder / "python/tflite_micro/sine_float.tflite")]
    done = subprocess.run(
        [*run, "--calibration", str(tmp_path / "x.npy"), "--json"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_float_file_computes_what_tflm_computes():
    folder = require_package("tflite-micro", "tflite_micro")
    compared, farthest = float_difference(folder / "python/tflite_micro/sine_float.tflite")
    assert compared == 64 and farthest < 1e-5


def test_evaluate_takes_the_file_that_was_built(tmp_path):
    path = shared_file("model_zoo/micro_speech_int8.tflite")
    build(path, "host", output=tmp_path / "out", verify="none")
    xs = np.random.default_rng(0).uniform(0, 5, (32, 1960)).astype(np.float32)
    np.save(tmp_path / "x.npy", xs)
    result = evaluate(tmp_path / "out", path, tmp_path / "x.npy", None, None)
    (score,) = result.outputs.values()
    assert result.samples == 32
    # The float model has the activations that the codes' range hides in the file.
    assert score.agreement > 0.9 and score.sqnr_db > 30


def test_file_without_its_identifier_is_refused(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(bytes(100))
    with pytest.raises(McuqError, match="is not a readable TensorFlow Lite model") as error:
        build(path, "host", output=tmp_path / "out", verify="none")
    assert error.value.problems[0].code == "M001"


REFUSED = {
    "a quotient": Operator("DIV", (IMAGE,), (IMAGE, IMAGE)),
    "a squared difference": Operator("SQUARED_DIFFERENCE", (IMAGE,), (IMAGE, IMAGE)),
    "a sigmoid of another scale": Operator("LOGISTIC", (IMAGE,)),
    "an exponential": Operator("EXP", (IMAGE,)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_integers_that_tflm_computes_otherwise_are_refused(name):
    with pytest.raises(McuqError) as error:
        program_of(write_network(REFUSED[name].network("int8")))
    assert [problem.code for problem in error.value.problems] == ["M004"]

"""Whole programs in TensorFlow Lite Micro: every tensor of real networks, as mcuq compiled them."""

import dataclasses

import numpy as np
import pytest

from mcuq.calibrate.data import Samples
from mcuq.frontend import read
from mcuq.ir.integer import Rounding
from mcuq.ir.types import elem_count
from mcuq.options import QuantOptions
from mcuq.pipeline.build import build
from mcuq.pipeline.calibration import CalibrationData
from mcuq.simulator.ports import quantize_inputs
from mcuq.simulator.simulate import trace_program
from mcuq.verify.inputs import standard_inputs
from tests.conftest import EXAMPLE
from tests.e2e.models import load_data
from tests.shared_data import shared_file
from tests.truth.tflite import write_network
from tests.truth.tflite_program import NoTwinError, network_of
from tests.truth.tflm import run_tflm

FILES = {
    "digits": None,
    "ad": "ad_autoencoder",
    "ic": "ic_resnet8",
    "kws": "kws_dscnn",
    "vww": "vww_mobilenetv1",
}
REAL, RANDOM = 24, 4


def _data(name):
    """Values for calibration and for the run."""
    if name != "ad":
        data = load_data(name)
        return data.calibration, data.evaluation[:REAL]
    with np.load(shared_file("mlperf_tiny/data/ad.npz")) as pack:
        # Five frames of a spectrogram are one window.
        halves = [pack[key][:, :5].reshape(len(pack[key]), 640) for key in ("cal_spec", "eval_spec")]
    return halves[0], halves[1][:REAL]


def _compile(name, folder, **options):
    """The program, calibrated on 32 samples, and the codes of some evaluation samples."""
    file = FILES[name]
    model = EXAMPLE / "model.onnx" if file is None else shared_file(f"mlperf_tiny/models/{file}.onnx")
    (port,) = read(model).graph.inputs
    samples, real = ({port.name: values.reshape(-1, *port.model_shape)} for values in _data(name))
    built = build(
        model,
        "host",
        calibration=CalibrationData(Samples.from_arrays(samples)),
        output=folder / name,
        verify="none",
        options=QuantOptions(samples=32, weight_rounding="nearest", equalize="off", **options),
    )
    return built.plan.program, quantize_inputs(built.plan.program, real)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_tflm_computes_every_tensor_of_a_program(name, tmp_path):
    program, real = _compile(name, tmp_path)
    inputs = standard_inputs(program, real, RANDOM)
    network = network_of(program)
    values = run_tflm(write_network(network), network, inputs)
    compared = 0
    for _, step, (found,) in trace_program(program, inputs):
        expected = values[step.output]
        np.testing.assert_array_equal(expected, found.reshape(expected.shape), step.name)
        compared += found.size
    sizes = [elem_count(program.tensors[step.output].shape) for step in program.steps]
    assert (REAL + RANDOM + 2) * sum(sizes) == compared


def test_a_program_with_other_rounding_has_no_twin(tmp_path):
    program, _ = _compile("digits", tmp_path, rounding="single")
    with pytest.raises(NoTwinError, match="single"):
        network_of(program)


def test_a_changed_multiplier_is_seen(tmp_path):
    """The network carries the program's integers: one bit more in one mean changes what comes out."""
    program, real = _compile("digits", tmp_path)
    index, step = next((i, s) for i, s in enumerate(program.steps) if s.op.kind == "mean")
    requant = dataclasses.replace(step.op.requant, multiplier=(step.op.requant.multiplier[0] - 2**23,))
    assert requant.rounding is Rounding.DOUBLE
    wrong = dataclasses.replace(step, op=dataclasses.replace(step.op, requant=requant))
    steps = (*program.steps[:index], wrong, *program.steps[index + 1 :])
    network = network_of(dataclasses.replace(program, steps=steps))
    values = run_tflm(write_network(network), network, list(real))
    right = {s.output: y for _, s, (y,) in trace_program(program, list(real))}
    assert (values[step.output].ravel() != right[step.output].ravel()).any()

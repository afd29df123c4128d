"""SVDF as mcuq compiles it, against TensorFlow Lite Micro: every output of sequences."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from mcuq.calibrate.data import Samples
from mcuq.calibrate.sequences import TimedSamples
from mcuq.calibrate.state import tied_inputs
from mcuq.errors import McuqError
from mcuq.frontend import ModelFile
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.calibration import with_state
from mcuq.pipeline.float_run import FloatRun
from mcuq.pipeline.planning import plan_program
from mcuq.simulator.simulate import initial_state, simulate_sequence
from mcuq.verify.firmware import verify_firmware
from tests.builders import mixed_codes, write_firmware
from tests.tflite_files.layers import activation, exactly
from tests.tflite_files.wheel import program_of
from tests.truth.tflite import NO_ACTIVATION, RELU, RELU6, Layer, Network, TensorInfo, write_network
from tests.truth.tflm import run_tflm

STEPS = 12
INPUT, FEATURE, TIME, BIAS, STATE, OUTPUT = range(6)


def constant(rng, shape, dtype, scale, most):
    codes = rng.integers(-most, most + 1, shape).astype(dtype)
    return TensorInfo(shape, dtype, exactly(scale), 0, None, codes)


def svdf(rng, *, activation_code=NO_ACTIVATION, is_full=False):
    """A network of one layer.

    Its sums stay in int32, beyond which TensorFlow Lite Micro defines nothing: weights of time are small, or,
    as converters make them, fill int16 beside features that do not.
    """
    rows, inputs, units, rank, memory = (
        int(rng.choice(sizes)) for sizes in ((1, 1, 2), (1, 3, 9, 40), (1, 2, 7), (1, 2, 3), (1, 2, 5, 16))
    )
    filters, terms = units * rank, rank * memory
    x = activation(rng, (rows, inputs))
    feature = constant(rng, (filters, inputs), "int8", 2.0 ** rng.uniform(-9, -5), 127)
    largest = 255 * int(np.abs(feature.data.astype(int)).sum(axis=1).max()) + 1
    most = 32767 if is_full else 2**15 // terms - 1
    room = 2**14 / terms if is_full else 2.0 ** rng.uniform(14, 17)
    scale = exactly(x.scale[0] * feature.scale[0] * largest / room)
    state = TensorInfo((rows, filters * memory), "int16", scale, is_variable=True)
    time = constant(rng, (filters, memory), "int16", 2.0 ** rng.uniform(-14, -9), most)
    bias = constant(rng, (units,), "int32", scale[0] * time.scale[0], int(2.0 ** rng.uniform(10, 28)))
    typical = min(room, 2**15) / 4 * most * terms**0.5 / 3
    y = activation(rng, (rows, units), scale[0] * time.scale[0] * typical / 100)
    if activation_code:
        y = dataclasses.replace(y, zero_point=-128)
    options = {"rank": rank, "fusedActivationFunction": activation_code}
    tensors = (x, feature, time, bias, state, y)
    network = Network(tensors, (Layer("SVDF", options, (0, 1, 2, 3, 4), OUTPUT),), (INPUT,), (OUTPUT,))
    return network, mixed_codes(rng, x.shape, x.zero_point, STEPS)


def test_svdf_equals_the_wheel_over_sequences():
    lively = 0
    for number in range(80):
        rng = np.random.default_rng([number, 3])
        code = RELU if number % 3 == 0 else NO_ACTIVATION
        network, xs = svdf(rng, activation_code=code, is_full=number % 2 == 1)
        data = write_network(network)
        expected = run_tflm(data, network, [xs])[OUTPUT]
        program = program_of(data)
        (found,), _ = simulate_sequence(program, [xs], initial_state(program))
        np.testing.assert_array_equal(expected, found, f"network {number}")
        lively += len(np.unique(expected)) >= 5
    assert lively >= 60


def test_two_layers_that_follow_each_other_equal_the_wheel():
    rng = np.random.default_rng(5)
    first, xs = svdf(rng)
    (rows, width), units = first.tensors[OUTPUT].shape, 3
    feature = constant(rng, (units, width), "int8", 0.01, 127)
    scale = exactly(first.tensors[OUTPUT].scale[0] * 0.01 * width / 100)
    more = (
        feature,
        constant(rng, (units, 4), "int16", 0.001, 8000),
        constant(rng, (units,), "int32", scale[0] * 0.001, 1000),
        TensorInfo((rows, units * 4), "int16", scale, is_variable=True),
        TensorInfo((rows, units), "int8", exactly(scale[0] * 0.001 * 2e6), 3),
    )
    layer = Layer("SVDF", {"rank": 1}, (OUTPUT, 6, 7, 8, 9), 10)
    network = Network((*first.tensors, *more), (*first.layers, layer), (INPUT,), (10,))
    data = write_network(network)
    program = program_of(data)
    (found,), _ = simulate_sequence(program, [xs], initial_state(program))
    expected = run_tflm(data, network, [xs])[10]
    np.testing.assert_array_equal(expected, found)
    assert len(np.unique(expected)) > 5
    # Nothing is copied: what a run leaves lies where the next one finds it.
    assert [step.op.kind for step in program.steps] == ["svdf_feature", "svdf_time"] * 2


@pytest.mark.parametrize("number", range(6))
def test_float_layer_computes_what_the_wheel_does(number):
    rng = np.random.default_rng([number, 4])
    network, _ = svdf(rng, activation_code=RELU6 if number % 2 else NO_ACTIVATION)

    def as_float(index, info):
        data = None if info.data is None else (rng.normal(size=info.shape)).astype(np.float32)
        return dataclasses.replace(info, dtype="float32", scale=(), zero_point=0, data=data)

    tensors = tuple(as_float(index, info) for index, info in enumerate(network.tensors))
    network = dataclasses.replace(network, tensors=tensors)
    data = write_network(network)
    xs = rng.normal(size=(STEPS, *tensors[INPUT].shape)).astype(np.float32)
    graph = ModelFile(Path("net.tflite"), data).read().graph
    (name,) = (port.name for port in graph.inputs if port.name not in tied_inputs(graph))
    canonical = canonicalize(graph)
    (output,) = (port for port in canonical.outputs if port.feeds is None)
    samples = with_state(canonical, TimedSamples(Samples.from_arrays({name: xs}), STEPS))
    found = [
        each[output.tensor] for each in FloatRun(canonical, [output.tensor]).values(samples, [output.tensor])
    ]
    expected = run_tflm(data, network, [xs])[OUTPUT]
    np.testing.assert_allclose(expected.ravel(), np.concatenate(found).ravel(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("on", ["host", "emulator"])
def test_firmware_of_svdf_keeps_its_memory(tmp_path, on):
    network, xs = svdf(np.random.default_rng(11), is_full=True)
    plan = plan_program(program_of(write_network(network)), "host" if on == "host" else "cortex-m4")
    write_firmware(tmp_path / "net", plan)
    assert verify_firmware(tmp_path / "net", plan, "net", [xs], on).first_difference is None


def changed(index, **fields):
    network, _ = svdf(np.random.default_rng(1))
    tensors = list(network.tensors)
    tensors[index] = dataclasses.replace(tensors[index], **fields)
    return dataclasses.replace(network, tensors=tuple(tensors))


def optioned(**options):
    network, _ = svdf(np.random.default_rng(1))
    layer = dataclasses.replace(network.layers[0], options={**network.layers[0].options, **options})
    return dataclasses.replace(network, layers=(layer,))


def added(*inputs):
    """An ADD behind the layer."""
    network, _ = svdf(np.random.default_rng(1))
    tensors = (*network.tensors, network.tensors[OUTPUT])
    return Network(tensors, (*network.layers, Layer("ADD", {}, inputs, 6)), (INPUT,), (6,))


REFUSED = {
    "a state that is no variable": (lambda: changed(STATE, is_variable=False), "M002"),
    "a state of int8": (lambda: changed(STATE, dtype="int8"), "M004"),
    "a state with a zero point": (lambda: changed(STATE, zero_point=3), "M004"),
    "a state without a scale": (lambda: changed(STATE, scale=()), "M004"),
    "a state of another size": (lambda: changed(STATE, shape=(7, 7)), "M006"),
    "weights that are computed": (lambda: changed(FEATURE, data=None), "M002"),
    "weights that are a variable": (lambda: changed(TIME, is_variable=True), "M004"),
    "an output that is a variable": (lambda: changed(OUTPUT, is_variable=True), "M004"),
    "an input that is a variable": (lambda: changed(INPUT, is_variable=True), "M004"),
    "no rank": (lambda: optioned(rank=0), "M006"),
    "a rank that does not divide": (lambda: optioned(rank=1000), "M006"),
    "an activation that cuts": (lambda: optioned(fusedActivationFunction=RELU6), "M004"),
    "a variable that something else reads": (lambda: added(OUTPUT, STATE), "M004"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_layer_in_another_form_is_refused(what):
    make, code = REFUSED[what]
    with pytest.raises(McuqError) as error:
        ModelFile(Path("net.tflite"), write_network(make())).read()
    assert code in {problem.code for problem in error.value.problems}, error.value

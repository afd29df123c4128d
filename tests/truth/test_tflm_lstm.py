"""LSTM as mcuq compiles it, against TensorFlow Lite Micro: every output of sequences of runs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from mcuq.calibrate.data import Samples
from mcuq.calibrate.sequences import TimedSamples
from mcuq.errors import McuqError
from mcuq.frontend import ModelFile
from mcuq.ir.program import Program
from mcuq.options import QuantOptions
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.calibrate import calibrate_model
from mcuq.pipeline.calibration import CalibrationData, with_state
from mcuq.pipeline.compile import compile_model
from mcuq.pipeline.float_run import FloatRun
from mcuq.pipeline.planning import plan_program
from mcuq.simulator.simulate import initial_state, simulate_sequence
from mcuq.verify.firmware import verify_firmware
from tests.builders import mixed_codes, write_firmware
from tests.tflite_files.layers import activation, exactly
from tests.tflite_files.wheel import program_of
from tests.truth.tflite import Layer, Network, TensorInfo, write_network
from tests.truth.tflm import run_tflm

KIND, RUNS, TANH = "UNIDIRECTIONAL_SEQUENCE_LSTM", 10, 4
INPUT, X_WEIGHTS, H_WEIGHTS, BIASES, HIDDEN, CELL, OUTPUT = 0, 1, 5, 9, 13, 14, 15
POSITIONS = (*range(9), -1, -1, -1, *range(9, 13), -1, -1, HIDDEN, CELL, -1, -1, -1, -1)


def lstm(rng, *, dtype="int8", strong=5):
    """A network of one layer, its options, and codes of its input in several runs."""
    steps, size, units = (int(rng.choice(sizes)) for sizes in ((1, 2, 5, 12), (1, 3, 9), (1, 2, 5, 12)))
    is_time_first = bool(rng.integers(2))
    shape = (steps, 1) if is_time_first else (1, steps)
    x = activation(rng, (*shape, size))
    y = TensorInfo((*shape, units), "int8", exactly(2.0 ** rng.uniform(-8, -5)), int(rng.integers(-128, 128)))
    bits = int(rng.choice([9, 11, 12, 12, 14, 15, rng.integers(0, 16)]))
    # Gates from nothing to far beyond 8, where they saturate.
    room = 2.0 ** rng.uniform(strong - 5, strong, 8)
    of_x = [weights(rng, (units, size), room[i], x.scale[0] * 74 * size**0.5) for i in range(4)]
    of_h = [weights(rng, (units, units), room[4 + i], y.scale[0] * 74 * units**0.5) for i in range(4)]
    biases = [
        TensorInfo((units,), "int32", exactly(w.scale[0] * x.scale[0]), 0, None, bias_codes(rng, w, x, units))
        for w in of_x
    ]
    hidden = dataclasses.replace(y, shape=(1, units), is_variable=True)
    cell = TensorInfo((1, units), "int16", exactly(2.0**-bits), is_variable=True)
    clip = float(rng.choice([0, 0, 10, 1, rng.uniform(0, 8), 2.0 ** (15 - bits), -1]))
    tensors = (x, *of_x, *of_h, *biases, hidden, cell, y)
    if dtype == "float32":
        tensors = tuple(in_float(each) for each in tensors)
    options = {"fusedActivationFunction": TANH, "cellClip": clip, "timeMajor": is_time_first}
    layer = Layer(KIND, options, POSITIONS, OUTPUT)
    return Network(tensors, (layer,), (INPUT,), (OUTPUT,)), mixed_codes(rng, x.shape, x.zero_point, RUNS)


def weights(rng, shape, room, unit):
    codes = rng.integers(-128, 128, shape).astype(np.int8)
    return TensorInfo(shape, "int8", exactly(room / unit / 74), 0, None, codes)


def bias_codes(rng, w, x, units):
    return (rng.normal(size=units) / (w.scale[0] * x.scale[0])).clip(-(2**28), 2**28).astype(np.int32)


def in_float(info):
    values = None if info.data is None else (info.data * info.scale[0]).astype(np.float32)
    return TensorInfo(info.shape, "float32", (), 0, None, values, info.is_variable)


def simulated(program: Program, xs):
    shape = program.tensors[program.inputs[0].tensor].shape
    (found,), _ = simulate_sequence(program, [xs.reshape(len(xs), *shape)], initial_state(program))
    return found


def test_lstm_equals_the_wheel_over_runs_that_follow_each_other():
    lively = compared = 0
    for number in range(150):
        network, xs = lstm(np.random.default_rng([number, 4]))
        data = write_network(network)
        expected = run_tflm(data, network, [xs])[OUTPUT]
        found = simulated(program_of(data), xs)
        np.testing.assert_array_equal(expected.ravel(), found.ravel(), f"network {number}")
        compared += expected.size
        lively += len(np.unique(expected)) >= 5
    assert lively >= 100 and compared > 20_000


def test_two_layers_that_follow_each_other_equal_the_wheel():
    rng = np.random.default_rng(8)
    first, xs = lstm(rng)
    shape, units = first.tensors[OUTPUT].shape, first.tensors[OUTPUT].shape[2]
    x = first.tensors[OUTPUT]
    of_x = [weights(rng, (units, units), 3, x.scale[0] * 74 * units**0.5) for _ in range(4)]
    biases = [
        dataclasses.replace(b, scale=w.scale) for b, w in zip(first.tensors[BIASES:HIDDEN], of_x, strict=True)
    ]
    more = (*of_x, *first.tensors[H_WEIGHTS:BIASES], *biases, first.tensors[HIDDEN], first.tensors[CELL], x)
    indices = [OUTPUT, *range(OUTPUT + 1, OUTPUT + 16)]
    inputs = tuple(at if at < 0 else indices[at] for at in POSITIONS)
    layer = Layer(KIND, first.layers[0].options, inputs, indices[OUTPUT])
    network = Network((*first.tensors, *more), (*first.layers, layer), (INPUT,), (indices[OUTPUT],))
    data = write_network(network)
    expected = run_tflm(data, network, [xs])[indices[OUTPUT]]
    assert expected.shape[1:] == shape and len(np.unique(expected)) > 5
    np.testing.assert_array_equal(expected.ravel(), simulated(program_of(data), xs).ravel())


def test_float_lstm_computes_what_the_wheel_computes():
    for number in range(12):
        rng = np.random.default_rng([number, 5])
        network, _ = lstm(rng, dtype="float32", strong=2)
        xs = rng.normal(size=(6, *network.tensors[INPUT].shape)).astype(np.float32)
        data = write_network(network)
        expected = run_tflm(data, network, [xs])[OUTPUT]
        graph = canonicalize(ModelFile(Path("model.tflite"), data).read().graph)
        given = TimedSamples(Samples.from_arrays({graph.inputs[0].name: xs}), len(xs))
        y = graph.outputs[0].tensor
        found = [each[y] for each in FloatRun(graph, [y]).values(with_state(graph, given), [y])]
        np.testing.assert_allclose(np.stack(found).ravel(), expected.ravel(), atol=2e-5)


def test_float_lstm_is_quantized_with_an_int16_cell():
    rng = np.random.default_rng(6)
    network, _ = lstm(rng, dtype="float32", strong=2)
    xs = rng.normal(size=(20, *network.tensors[INPUT].shape)).astype(np.float32)
    data = write_network(network)
    expected = run_tflm(data, network, [xs])[OUTPUT].ravel()
    model, options = ModelFile(Path("model.tflite"), data).read(), QuantOptions()
    given = CalibrationData(Samples.from_arrays({model.graph.inputs[0].name: xs}))
    program = compile_model(calibrate_model(model, given, options), options).program
    assert sorted(program.tensors[state.before].quant.dtype.value for state in program.state) == [
        "int16",
        "int8",
    ]
    x, y = (program.tensors[ports[0].tensor].quant for ports in (program.inputs, program.outputs))
    codes = np.clip(np.round(xs / x.step) + x.zero_point, -128, 127).astype(np.int8)
    found = (simulated(program, codes).ravel().astype(float) - y.zero_point) * y.step
    assert np.sqrt(np.mean((found - expected) ** 2)) < 0.03 * expected.std()


@pytest.mark.parametrize("on", ["host", "emulator"])
def test_firmware_of_lstm_keeps_its_states(tmp_path, on):
    network, xs = lstm(np.random.default_rng(11))
    plan = plan_program(program_of(write_network(network)), "host" if on == "host" else "cortex-m4")
    write_firmware(tmp_path / "net", plan)
    shape = plan.program.tensors[plan.program.inputs[0].tensor].shape
    found = verify_firmware(tmp_path / "net", plan, "net", [xs.reshape(len(xs), *shape)], on)
    assert found.first_difference is None


def changed(index, **fields):
    network, _ = lstm(np.random.default_rng(1))
    tensors = list(network.tensors)
    tensors[index] = dataclasses.replace(tensors[index], **fields)
    return dataclasses.replace(network, tensors=tuple(tensors))


def optioned(**options):
    network, _ = lstm(np.random.default_rng(1))
    layer = dataclasses.replace(network.layers[0], options={**network.layers[0].options, **options})
    return dataclasses.replace(network, layers=(layer,))


def placed(position, index, **fields):
    """The network with another tensor at an input of the layer."""
    network = changed(max(index, 0), **fields)
    inputs = list(network.layers[0].inputs)
    inputs[position] = index
    return dataclasses.replace(
        network, layers=(dataclasses.replace(network.layers[0], inputs=tuple(inputs)),)
    )


def wide():
    """Activations of int16."""
    network, _ = lstm(np.random.default_rng(1))
    tensors = list(network.tensors)
    for at in (INPUT, HIDDEN, OUTPUT):
        tensors[at] = dataclasses.replace(tensors[at], dtype="int16", zero_point=0)
    return dataclasses.replace(network, tensors=tuple(tensors))


def batched():
    """Two sequences."""
    network, _ = lstm(np.random.default_rng(1))
    options = {**network.layers[0].options, "timeMajor": False}
    size, units = network.tensors[INPUT].shape[2], network.tensors[OUTPUT].shape[2]
    shapes = {INPUT: (2, 3, size), OUTPUT: (2, 3, units), HIDDEN: (2, units), CELL: (2, units)}
    tensors = list(network.tensors)
    for at, shape in shapes.items():
        tensors[at] = dataclasses.replace(tensors[at], shape=shape)
    return dataclasses.replace(
        network, tensors=tuple(tensors), layers=(dataclasses.replace(network.layers[0], options=options),)
    )


REFUSED = {
    "activations of int16": (wide, "M004"),
    "two sequences": (batched, "M004"),
    "no input gate": (lambda: placed(1, -1), "M004"),
    "a peephole": (lambda: placed(9, BIASES), "M004"),
    "a projection": (lambda: placed(16, H_WEIGHTS), "M004"),
    "layer normalization": (lambda: placed(23, BIASES), "M004"),
    "no forget weights": (lambda: placed(2, -1), "M002"),
    "no bias": (lambda: placed(13, -1), "M002"),
    "no state": (lambda: placed(18, -1), "M002"),
    "another activation": (lambda: optioned(fusedActivationFunction=1), "M004"),
    "diagonals": (lambda: optioned(diagonalRecurrentTensors=True), "M004"),
    "a state that is no variable": (lambda: changed(HIDDEN, is_variable=False), "M002"),
    "a cell that is no variable": (lambda: changed(CELL, is_variable=False), "M002"),
    "a hidden state with a scale of its own": (lambda: changed(HIDDEN, scale=(0.25,)), "Q006"),
    "a cell of int8": (lambda: changed(CELL, dtype="int8"), "M004"),
    "a cell without a scale": (lambda: changed(CELL, scale=()), "M004"),
    "a cell with a zero point": (lambda: changed(CELL, zero_point=1), "M004"),
    "a cell whose scale is no power of two": (lambda: changed(CELL, scale=(0.3,)), "M004"),
    "a cell of a huge scale": (lambda: changed(CELL, scale=(2.0,)), "M004"),
    "a cell of another size": (lambda: changed(CELL, shape=(1, 77)), "M006"),
    "weights of another shape": (lambda: placed(3, BIASES), "M006"),
    "weights with a zero point": (lambda: changed(X_WEIGHTS, zero_point=1), "M004"),
    "weights that are computed": (lambda: changed(X_WEIGHTS, data=None), "M002"),
    "weights that are a variable": (lambda: changed(X_WEIGHTS, data=None, is_variable=True), "M004"),
    "a bias that is a variable": (lambda: changed(BIASES, data=None, is_variable=True), "M004"),
    "a bias of int8": (lambda: changed(BIASES, dtype="int8"), "M004"),
    "an input of two axes": (lambda: changed(INPUT, shape=(3, 3)), "M006"),
    "an output of another length": (lambda: changed(OUTPUT, shape=(1, 999, 1)), "M006"),
    "scales whose products vanish": (lambda: changed(INPUT, scale=(1e-45,)), "Q005"),
    "a sequence without end": (lambda: changed(INPUT, shape=(1 << 16, 1, 1)), "M011"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_layer_in_another_form_is_refused(what):
    make, code = REFUSED[what]
    with pytest.raises(McuqError) as error:
        program_of(write_network(make()))
    assert code in {problem.code for problem in error.value.problems}, error.value

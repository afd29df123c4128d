"""`--state`: inputs and outputs that become state, calibrated on sequences, held to the untied model."""

import dataclasses

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mcuq import api
from mcuq.calibrate.state import _key, tie_states
from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.options import QuantOptions
from mcuq.pipeline.calibrate import calibrate_model
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.compile import compile_model
from mcuq.simulator.ports import quantize_inputs
from mcuq.simulator.simulate import simulate_program, simulate_sequence
from tests.cli.runner import run

INPUTS, UNITS = 4, 6
RNG = np.random.default_rng(5)
SEQUENCES = RNG.normal(size=(6, 16, INPUTS)).astype(np.float32)
STATE = ("h_in:h_out",)
QUICK = QuantOptions(state=STATE, weight_rounding="nearest", equalize="off")


def info(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def cell(path, kind="leaky", names=("h_in", "h_out"), extra=()):
    """h' = 0.8 h + x W, or tanh(h R + x W); y = h' V."""
    before, after = names
    rng = np.random.default_rng(1)
    shapes = {"W": (INPUTS, UNITS), "R": (UNITS, UNITS), "V": (UNITS, 3)}
    arrays = {name: rng.normal(size=shape).astype(np.float32) / 2 for name, shape in shapes.items()}
    arrays["a"] = np.float32([0.8])
    nodes = [helper.make_node("MatMul", ["x", "W"], ["xw"])]
    if kind == "leaky":
        nodes.append(helper.make_node("Mul", [before, "a"], ["kept"]))
        nodes.append(helper.make_node("Add", ["xw", "kept"], [after]))
    else:
        nodes.append(helper.make_node("MatMul", [before, "R"], ["kept"]))
        nodes.append(helper.make_node("Add", ["xw", "kept"], ["sum"]))
        nodes.append(helper.make_node("Tanh", ["sum"], [after]))
    nodes.append(helper.make_node("MatMul", [after, "V"], ["y"]))
    inputs = [info("x", 1, INPUTS), info(before, 1, UNITS)]
    outputs = [info("y", 1, 3), info(after, 1, UNITS)]
    for node, output in extra:
        nodes.append(node)
        outputs.append(output)
    initializers = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "cell", inputs, outputs, initializers)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def compiled(path, options=QUICK, data=SEQUENCES):
    source = api._source({"x": data})
    return compile_model(calibrate_model(read(path), CalibrationData(source), options), options)


def float_run(path, xs, h):
    """All states and outputs of the float model over one sequence."""
    arrays = {each.name: numpy_helper.to_array(each) for each in onnx.load(path).graph.initializer}
    states, ys = [], []
    is_leaky = any(node.op_type == "Mul" for node in onnx.load(path).graph.node)
    for x in xs:
        states.append(h)
        h = x @ arrays["W"] + (0.8 * h if is_leaky else h @ arrays["R"])
        h = h if is_leaky else np.tanh(h)
        ys.append(h @ arrays["V"])
    return np.array(states), np.array(ys)


@pytest.mark.parametrize("kind", ["leaky", "tanh"])
def test_state_gives_the_codes_of_the_model_whose_output_is_fed_back(tmp_path, kind):
    found = compiled(cell(tmp_path / "m.onnx", kind))
    program, apart = found.program, found.by_sample
    assert [port.name for port in program.inputs] == ["x"] and [port.name for port in program.outputs] == [
        "y"
    ]
    assert [port.name for port in apart.inputs] == ["x", "h_in"]
    quants = [apart.tensors[port.tensor].quant for port in (apart.inputs[1], apart.outputs[1])]
    assert quants[0] == quants[1] == program.tensors[program.state[0].before].quant
    codes = quantize_inputs(program, {"x": SEQUENCES[0][:, None]})[0]
    h = np.full((1, 1, UNITS), quants[0].zero_point, np.int8)
    expected = []
    for x in codes:
        y, h = simulate_program(apart, (x[None], h))
        expected.append(y[0])
    np.testing.assert_array_equal(np.array(expected), simulate_program(program, (codes,))[0])


def test_calibration_sees_the_states_of_the_float_model(tmp_path):
    path = cell(tmp_path / "m.onnx")
    options = dataclasses.replace(QUICK, sampling="first", samples=96, state_initial={"h_in": (0.75,)})
    source = CalibrationData(api._source({"x": SEQUENCES}))
    samples = calibrate_model(read(path), source, options).samples
    expected = np.concatenate([float_run(path, xs, np.full(UNITS, 0.75))[0] for xs in SEQUENCES])
    np.testing.assert_allclose(expected, samples.array("h_in")[:, 0], atol=1e-5)
    np.testing.assert_array_equal(SEQUENCES.reshape(-1, INPUTS), samples.array("x")[:, 0])
    # One sequence does not begin anew.
    source = CalibrationData(api._source({"x": SEQUENCES.reshape(-1, 1, INPUTS)}))
    samples = calibrate_model(read(path), source, options).samples
    expected = float_run(path, SEQUENCES.reshape(-1, INPUTS), np.full(UNITS, 0.75))[0]
    np.testing.assert_allclose(expected, samples.array("h_in")[:, 0], atol=1e-5)


@pytest.mark.parametrize("form", ["[s, n, k]", "[s, n, 1, k]", "npz", "folder"])
def test_sequences_come_in_several_forms(tmp_path, form):
    path = cell(tmp_path / "m.onnx")
    whole = tmp_path / "x.npy"
    if form == "npz":
        whole = tmp_path / "x.npz"
        np.savez(whole, x=SEQUENCES)
    elif form == "folder":
        whole = tmp_path / "steps"
        whole.mkdir()
        for number, x in enumerate(SEQUENCES[0]):
            np.save(whole / f"{number:03}.npy", x[None])
    else:
        np.save(whole, SEQUENCES if form == "[s, n, k]" else SEQUENCES[:, :, None])
    found = compile_model(calibrate_model(read(path), CalibrationData(whole), QUICK), QUICK).program
    data = SEQUENCES if form != "folder" else SEQUENCES[0]
    expected = compiled(path, data=data).program
    np.testing.assert_array_equal(found.state[0].initial, expected.state[0].initial)
    assert expected.tensors == found.tensors and len(found.steps) == len(expected.steps)


def test_fixed_scales_of_an_output_are_the_states(tmp_path):
    program = compiled(cell(tmp_path / "m.onnx", "tanh")).program
    quant = program.tensors[program.state[0].before].quant
    assert (quant.step, quant.zero_point) == (1 / 128, 0)
    # No step converts or copies the new value: it is written where the next run finds it.
    assert {"linear", "add", "table"} == {step.op.kind for step in program.steps}


def test_build_carries_state_through_every_machine(tmp_path):
    path = cell(tmp_path / "m.onnx", "tanh")
    data = tmp_path / "x.npy"
    np.save(data, SEQUENCES)
    arguments = ("build", path, "--target", "cortex-m4", "--calibration", data, "--state", STATE[0])
    result = run(*arguments, "--state-initial", "h_in=0.5", "--output", tmp_path / "fw", "--json")
    assert result.code == 0, result.err
    assert result.json["state_bytes"] == UNITS
    for machine in ("host", "emulator", "qemu"):
        report = api.verify(tmp_path / "fw", on=machine, inputs={"x": SEQUENCES[0]})
        assert report.first_difference is None, machine
    header = (tmp_path / "fw/include/m.h").read_text()
    assert "int m_reset(m_state *state);" in header and "m_init" not in header
    program = api.open_firmware(tmp_path / "fw").plan.program
    assert dict(program.origin.options)["state.1"] == STATE[0]
    assert dict(program.origin.options)["state-initial.h_in"] == "0.5"
    np.testing.assert_array_equal(np.full((1, UNITS), 64), program.state[0].initial)
    api.check(api.lock(tmp_path / "fw"))


def test_evaluate_runs_both_models_over_whole_sequences(tmp_path):
    path = cell(tmp_path / "m.onnx")
    options = QuantOptions(state=STATE, state_initial={"h_in": (1.0,)})
    result = api.build(
        path, "host", calibration={"x": SEQUENCES}, options=options, output=tmp_path / "fw", name="m"
    )
    truth = tmp_path / "y.npy"
    real = np.concatenate([float_run(path, xs, np.ones(UNITS))[1] for xs in SEQUENCES])
    np.save(truth, real.astype(np.float32))
    found = api.evaluate(tmp_path / "fw", path, {"x": SEQUENCES}, truth, "mse").outputs["y"]
    program = result.plan.program
    state = tuple(each.initial for each in program.state)
    step = program.tensors[program.outputs[0].tensor].quant
    errors = []
    for xs, ys in zip(SEQUENCES, real.reshape(len(SEQUENCES), -1, 3), strict=True):
        codes = quantize_inputs(program, {"x": xs[:, None]})
        (y,), _ = simulate_sequence(program, codes, state)
        errors.append(((y[:, 0].astype(float) - step.zero_point) * step.step - ys) ** 2)
    assert float(np.mean(errors)) == pytest.approx(found.int8_value, rel=1e-4)
    # The first state is 1 but for half a code.
    assert found.float_value < 1e-3 < found.int8_value * 100
    assert found.sqnr_db > 25


def test_state_from_a_configuration_is_that_of_the_option(tmp_path):
    path, config = cell(tmp_path / "m.onnx"), tmp_path / "q.toml"
    config.write_text('[[state]]\ninput = "h_in"\noutput = "h_out"\ninitial = 0.5\n')
    common = ("build", path, "--target", "host", "--verify", "none")
    assert run(*common, "--config", config, "--output", tmp_path / "a", "--name", "m").code == 0
    options = ("--state", STATE[0], "--state-initial", "h_in=0.5")
    assert run(*common, *options, "--output", tmp_path / "b", "--name", "m").code == 0
    for name in ("include/m.h", "src/m.c", "m.mcuq.npz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    config.write_text('[[state]]\ninput = "h_in"\noutput = 3\n')
    result = run(*common, "--config", config, "--output", tmp_path / "c")
    assert "O001" in result.err and "state 1" in result.err


def test_auto_finds_pairs_by_name_and_shape(tmp_path):
    for names in [("h_in", "h_out"), ("prevState", "nextState"), ("h0", "hn"), ("hidden", "new_hidden")]:
        graph = read(cell(tmp_path / "m.onnx", names=names)).graph
        tied = tie_states(graph, ["auto"], {})
        assert [(names[0], names[1])] == [
            (port.feeds.input, port.name) for port in tied.outputs if port.feeds is not None
        ]
    for names in [("memory", "result"), ("input", "output")]:
        with pytest.raises(McuqError, match="names"):
            tie_states(read(cell(tmp_path / "m.onnx", names=names)).graph, ["auto"], {})
    assert [_key(name) for name in ("state_1_out", "c_n", "Y_out")] == ["state 1", "c", ""]


def test_colons_belong_to_names(tmp_path):
    graph = read(cell(tmp_path / "m.onnx", names=("h:0", "h:1"))).graph
    tied = tie_states(graph, ["h:0:h:1"], {})
    assert [port.feeds.input for port in tied.outputs if port.feeds is not None] == ["h:0"]


def test_hostile_requests_are_refused_all_at_once(tmp_path):
    index = helper.make_node("ArgMax", ["h_out"], ["i"], axis=1, keepdims=1)
    copied = helper.make_node("Identity", ["h_in"], ["z"])
    extra = [
        (index, helper.make_tensor_value_info("i", TensorProto.INT64, (1, 1))),
        (copied, info("z", 1, UNITS)),
    ]
    path = cell(tmp_path / "m.onnx", extra=extra)
    texts = ["h:out", "x:y", "h_in:h_out", "h_in:z", "nothing", "auto", ":", "x:i", ""]
    words = [word for text in texts for word in ("--state", text)]
    initial = ["--state-initial", "q=1", "--state-initial", "x=" + str(tmp_path / "two.npy")]
    np.save(tmp_path / "two.npy", np.ones(2, np.float32))
    result = run("build", path, "--target", "host", *words, *initial, "--output", tmp_path / "fw")
    assert result.code == 2 and not (tmp_path / "fw").exists()
    for expected in (
        "no input 'h'",
        "no output 'out'",
        "'x' and output 'y' have different shapes",
        "input 'h_in' is named 3 times",
        "output 'h_out' is named 2 times",
        "input 'x' is named 2 times",
        "it is no pair",
        "'x' and output 'i' have different shapes",
        "'x' and output 'i' have different types",
        "no input would be left",
        "'q' is no state",
        "another number of elements",
    ):
        assert expected in result.err, expected
    assert result.err.count("error[") == result.err.count("O019")


@pytest.mark.parametrize("text", ["h_in", "h_in=", "h_in=nan", "h_in=1e99", "=1", "h_in=a.b", "h_in=inf"])
def test_initial_values_that_are_no_numbers_are_refused(tmp_path, text):
    path = cell(tmp_path / "m.onnx")
    result = run("build", path, "--target", "host", "--state", STATE[0], "--state-initial", text)
    assert result.code == 2 and "O001" in result.err


def test_stored_programs_have_the_state_that_they_have(tmp_path):
    path = cell(tmp_path / "m.onnx")
    assert run("build", path, "--target", "host", "--state", STATE[0], "--output", tmp_path / "fw").code == 0
    stored = tmp_path / "fw/m.mcuq.npz"
    assert run("build", stored, "--target", "host", "--output", tmp_path / "fw").code == 0
    result = run("build", stored, "--target", "host", "--output", tmp_path / "fw", "--state", STATE[0])
    assert result.code == 2 and "O013" in result.err


def test_equalization_and_rounding_see_single_steps(tmp_path):
    path = cell(tmp_path / "m.onnx", "tanh")
    options = QuantOptions(state=STATE, equalize="on")
    result = api.build(path, "host", calibration={"x": SEQUENCES}, options=options, output=tmp_path / "fw")
    assert result.weights is not None and result.report.first_difference is None
    data = tmp_path / "x.npy"
    np.save(data, SEQUENCES)
    found = run("analyze", path, "--calibration", data, "--state", STATE[0], "--json")
    assert found.code == 0, found.err
    ranges = tmp_path / "r.json"
    words = ("--calibration", data, "--state", STATE[0])
    assert run("calibrate", path, *words, "--output", ranges).code == 0
    words = ("--target", "host", "--ranges", ranges, "--state", STATE[0], "--output", tmp_path / "fw")
    assert run("build", path, *words).code == 0

"""GRU cells: the state that goes out comes in again, so both have one scale and zero point."""

import numpy as np
import pytest
from onnx import helper

from mcuq.calibrate.config import read_overrides, read_ties
from mcuq.calibrate.data import Samples
from mcuq.calibrate.ranges import ranges_from_json, ranges_to_json
from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.options import QuantOptions
from mcuq.pipeline.build import build
from mcuq.pipeline.calibrate import calibrate_model
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.compile import compile_model
from mcuq.simulator.ports import dequantize_outputs, quantize_inputs
from mcuq.simulator.simulate import simulate_program
from tests.interchange.gru import GRIDS, INPUTS, UNITS, float_gru, float_states, quantized_gru
from tests.interchange.models import compile_with, quant
from tests.small_models import Net, run, save
from tests.tools import require

TIES = (("h", "h_out"),)
CONFIG = '[[tie]]\ntensors = ["h", "h_out"]\n'


def sequence(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 1, INPUTS)).astype(np.float32)


def samples(model, count=120):
    """Inputs, and the states that the float model has before them."""
    x = sequence(count)
    return CalibrationData(Samples.from_arrays({"x": x, "h": float_states(model, x)[:-1]}))


def compiled(folder, options):
    model = float_gru()
    return compile_model(calibrate_model(read(save(model, folder)), samples(model), options), options).program


def test_state_has_two_scales_unless_it_is_tied(tmp_path):
    free = quant(compiled(tmp_path, QuantOptions(samples=120)))
    assert free["h"] != free["h_out"]
    tied = quant(compiled(tmp_path, QuantOptions(samples=120, ties=TIES)))
    assert tied["h"] == tied["h_out"]
    assert tied["h"][0] >= max(free["h"][0], free["h_out"][0]) * 0.99
    others = free.keys() - {"h", "h_out"}
    assert {name: free[name] for name in others} == {name: tied[name] for name in others}


def test_codes_of_a_tied_state_are_fed_back_as_they_are(tmp_path):
    program = compiled(tmp_path, QuantOptions(samples=120, ties=TIES))
    x = sequence(150, seed=7)
    expected = float_states(float_gru(), x)[1:]
    zero = quant(program)["h"][1]
    h = np.full((1, 1, UNITS), zero, np.int8)
    found = []
    for each in x:
        codes, _ = quantize_inputs(program, {"x": each[None], "h": np.zeros((1, 1, UNITS), np.float32)})
        (h,) = simulate_program(program, [codes, h])
        found.append(dequantize_outputs(program, [h])["h_out"][0])
    error = np.stack(found) - expected
    assert 10 * np.log10(np.square(expected).sum() / np.square(error).sum()) > 25


def test_ties_are_in_the_ranges_of_calibrate(tmp_path):
    model = float_gru()
    path = save(model, tmp_path)
    options = QuantOptions(samples=120, ties=TIES)
    ranges = calibrate_model(read(path), samples(model), options).ranges
    assert ranges["h"] == ranges["h_out"]
    assert ranges_from_json(ranges_to_json(ranges)).tied == TIES
    stored = tmp_path / "ranges.json"
    stored.write_text(ranges_to_json(ranges), "utf-8")
    plain = QuantOptions(samples=120)
    program = compile_model(calibrate_model(read(path), None, plain, ranges=stored), plain).program
    assert quant(program)["h"] == quant(program)["h_out"]
    stored.write_text(ranges_to_json(ranges).replace('"h_out"]]', '"other"]]'), "utf-8")
    with pytest.raises(McuqError, match="O004"):
        calibrate_model(read(path), None, plain, ranges=stored)
    with pytest.raises(McuqError, match="O013"):
        calibrate_model(read(path), None, options, ranges=stored)


def test_ties_hold_without_data_and_reach_through_what_only_moves(tmp_path):
    net = Net(x=[1, 2, 6, 6], h=[1, 4, 6, 6])
    y = net.batchnorm(net.conv("x", 2, 4, (3, 3), pads=[1, 1, 1, 1]), 4)
    net.add("Reshape", net.add("Add", y, "h"), net.const(np.array([1, 4, 36])), outputs=["h_out"])
    options = QuantOptions(ties=TIES)
    calibrated = calibrate_model(read(save(net.model("h_out"), tmp_path)), None, options)
    program = compile_model(calibrated, options).program
    ports = {port.name: program.tensors[port.tensor].quant for port in (*program.inputs, *program.outputs)}
    assert ports["h"] == ports["h_out"]


@pytest.mark.parametrize("group", [("h", "h_ou"), ("r", "h_out")])
def test_tie_of_what_is_no_port_is_refused(tmp_path, group):
    with pytest.raises(McuqError, match="O001") as caught:
        compiled(tmp_path, QuantOptions(samples=120, ties=(group,)))
    assert "'h_out'" in str(caught.value)


def test_tie_with_an_output_of_fixed_scale_is_refused(tmp_path):
    net = Net(h=[1, 4])
    net.add("Softmax", "h", axis=-1, outputs=["h_out"])
    options = QuantOptions(ties=TIES)
    with pytest.raises(McuqError, match="O013") as caught:
        calibrate_model(read(save(net.model("h_out"), tmp_path)), None, options)
    assert "softmax" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "[[tie]]",
        '[[tie]]\ntensors = "h"',
        '[[tie]]\ntensors = ["h"]',
        '[[tie]]\ntensors = ["h", "h"]',
        '[[tie]]\ntensors = ["h", 3]',
        '[[tie]]\ntensors = ["h", "g"]\nrange = [0, 1]',
        "tie = 3",
        "tie = [3]",
        "[[ties]]",
    ],
)
def test_ties_that_are_none_are_refused(tmp_path, text):
    path = tmp_path / "quant.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(McuqError, match="O001"):
        read_ties(path)


def test_ties_and_overrides_stand_in_one_file(tmp_path):
    path = tmp_path / "quant.toml"
    path.write_text(f'{CONFIG}[[override]]\ntensor = "h"\nrange = [-1, 1]\n', "utf-8")
    assert read_ties(path) == TIES
    (override,) = read_overrides(path)
    assert override.range == (-1.0, 1.0)
    program = compiled(tmp_path, QuantOptions(samples=120, ties=read_ties(path), overrides=(override,)))
    assert quant(program)["h"] == quant(program)["h_out"]
    assert {"tie.1": "h, h_out"}.items() <= dict(program.origin.options).items()


@pytest.mark.parametrize("steps", [1, 3])
def test_state_of_a_quantized_cell_keeps_its_one_scale(tmp_path, steps):
    model = quantized_gru(steps)
    program = compile_with(save(model, tmp_path), options=QuantOptions(ties=TIES)).program
    scale, zero = GRIDS["state"]
    assert quant(program)["h"] == quant(program)["h_out"] == (scale, zero)
    rng = np.random.default_rng(3)
    feeds = {f"x{step}": sequence(48, step) for step in range(steps)}
    feeds["h"] = rng.uniform(-1, 1, (48, 1, UNITS)).astype(np.float32)
    found = dequantize_outputs(program, simulate_program(program, quantize_inputs(program, feeds)))["h_out"]
    expected = np.stack(
        [
            run(model.SerializeToString(), {name: each[row] for name, each in feeds.items()})["h_out"]
            for row in range(48)
        ]
    )
    off = np.abs(expected.reshape(found.shape) - found) / scale
    # One code of a sum is 0.05, up to 6.4 codes of the state where tanh is steep.
    assert (off < 3.5).mean() > 0.9
    assert off.max() < 13


def test_tie_that_a_quantized_model_contradicts_is_refused(tmp_path):
    model = quantized_gru(1)
    last = model.graph.node[-2:]
    scale = helper.make_tensor("other", 1, [], [0.01])
    model.graph.initializer.append(scale)
    for node in last:
        node.input[1] = "other"
    with pytest.raises(McuqError, match="O013") as caught:
        compile_with(save(model, tmp_path), options=QuantOptions(ties=TIES))
    assert "'h_out' has 0.00999999978" in str(caught.value)


@pytest.mark.slow
def test_firmware_of_a_tied_cell_is_bit_exact(tmp_path):
    require("cc")
    model = float_gru()
    options = QuantOptions(samples=120, ties=TIES)
    result = build(
        save(model, tmp_path),
        "cortex-m4",
        calibration=samples(model),
        output=tmp_path / "firmware",
        name="gru",
        verify="host",
        options=options,
    )
    assert result.report.is_identical
    header = (result.directory / "include" / "gru.h").read_text("utf-8")
    macros = dict(line.split()[1:] for line in header.splitlines() if line.startswith("#define GRU_H_"))
    assert macros["GRU_H_SCALE"] == macros["GRU_H_OUT_SCALE"]
    assert macros["GRU_H_ZERO_POINT"] == macros["GRU_H_OUT_ZERO_POINT"]
    assert macros["GRU_H_ELEMS"] == macros["GRU_H_OUT_ELEMS"]

"""What each command prints and writes: one JSON object, plain text, arrays in the model's layout."""

import json
import os
import pty
import re
import subprocess
import sys

import numpy as np
import pytest

from mcuq.cli.console import progress
from mcuq.ir.integer import dequantize_array
from mcuq.ops.onnx.registry import readers
from mcuq.pipeline.firmware import open_firmware
from mcuq.simulator.ports import quantize_inputs
from mcuq.simulator.simulate import simulate_program, trace_program
from tests.cli.runner import run, run_process
from tests.project.source import ROOT
from tests.small_models import Net, save
from tests.tools import require

M4 = ("--target", "cortex-m4")
SIZES = ("macs", "weights_bytes", "arena_bytes", "input_bytes", "output_bytes")


def test_build_json_is_one_object_and_nothing_else(place, digits):
    require("cc")
    arguments = (*M4, "--calibration", digits.calibration, "--output", "out", "--name", "digits")
    done = run_process("build", digits.model, *arguments, "--json", cwd=place)
    assert (done.code, done.err) == (0, "")
    document = done.json
    assert (document["name"], document["target"], document["ranges"]) == ("digits", "cortex-m4", "calibrated")
    assert document["directory"] == "out"
    assert all(isinstance(document[key], int) and document[key] > 0 for key in SIZES)
    verified = document["verify"]
    assert (verified["identical"], verified["first_difference"], verified["samples"]) == (
        True,
        None,
        32 + 4 + 2,
    )
    assert verified["values_compared"] > 100_000
    assert not [line for line in done.out.splitlines() if line.startswith("warning")]


def test_build_without_data_warns_on_standard_error(place, digits):
    done = run(
        "build", digits.model, *M4, "--output", "out", "--name", "digits", "--verify", "none", "--json"
    )
    assert done.code == 0
    assert done.json["ranges"] != "calibrated"
    assert done.json["verify"] is None
    assert "ACCURACY IS UNKNOWN" in done.err
    manifest = json.loads((place / "out" / "digits.mcuq.json").read_text())
    assert manifest["accuracy_known"] is False
    assert "accuracy of this build is unknown" in (place / "out" / "include" / "digits.h").read_text()
    assert "accuracy is unknown" in (place / "out" / "README.md").read_text()


def test_build_text_names_every_layer(place, digits):
    done = run("build", digits.firmware / "digits.mcuq.npz", *M4, "--output", "out", "--verify", "none")
    assert (done.code, done.err) == (0, "")
    steps = open_firmware(digits.firmware).plan.program.steps
    for step in steps:
        assert re.search(rf"^ *\d+ +{re.escape(step.name)} ", done.out, re.MULTILINE), step.name
    assert done.out.splitlines()[-1] == "written to out"


def test_default_output_and_name(place, digits):
    stored = place / "kws-1.mcuq.npz"
    stored.write_bytes((digits.firmware / "digits.mcuq.npz").read_bytes())
    assert run("build", stored.name, *M4, "--verify", "none").code == 0
    assert (place / "kws_1_mcuq" / "include" / "kws_1.h").is_file()


def test_verify_json(place):
    require("cc")
    done = run("verify", "digits_mcuq", "--samples", 3, "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json["identical"] is True
    assert done.json["first_difference"] is None
    assert done.json["samples"] == 3 + 2
    program = open_firmware(place / "digits_mcuq").plan.program
    sizes = [program.tensors[step.output].size_bytes for step in program.steps]
    assert 5 * (sum(sizes) + 2 * sizes[-1]) == done.json["values_compared"]


def test_verify_takes_real_values_and_codes(place, digits):
    require("cc")
    program = open_firmware(place / "digits_mcuq").plan.program
    real = np.load(digits.images)[:5].astype(np.float32)
    codes = quantize_inputs(program, {"image": real.reshape(-1, 1, 1, 8, 8)})[0]
    np.save(place / "codes.npy", codes.reshape(-1, 1, 8, 8))
    np.savez(place / "codes.npz", anything=codes.reshape(-1, 1, 1, 8, 8).astype(np.int64))
    np.save(place / "real.npy", real.reshape(-1, 1, 8, 8))
    found = []
    for name in ("codes.npy", "codes.npz", "real.npy"):
        done = run("verify", "digits_mcuq", "--inputs", name, "--samples", 5, "--json")
        assert done.code == 0, done.err
        found.append((done.json["samples"], done.json["values_compared"]))
    # The samples, a random one and the two extremes.
    assert found[0] == found[1] == found[2]
    assert found[0][0] == 5 + 1 + 2


def test_simulate_writes_codes_and_real_values(place, digits):
    firmware = open_firmware(place / "digits_mcuq")
    program = firmware.plan.program
    real = np.load(digits.images)[:11].astype(np.float32).reshape(-1, 1, 1, 8, 8)
    np.save(place / "x.npy", real)
    done = run("simulate", "digits_mcuq", "--inputs", "x.npy", "--output", "y.npz", "--all-layers")
    assert (done.code, done.err) == (0, "")
    codes = quantize_inputs(program, {"image": real})
    (expected,) = simulate_program(program, codes)
    quant = program.tensors[program.outputs[0].tensor].quant
    with np.load(place / "y.npz") as found:
        np.testing.assert_array_equal(expected, found["codes/probabilities"])
        values = dequantize_array(expected, quant.step, quant.zero_point)
        np.testing.assert_array_equal(values, found["outputs/probabilities"])
        assert found["outputs/probabilities"].dtype == np.float32
        for index, step, (y,) in trace_program(program, codes):
            np.testing.assert_array_equal(y, found[f"layers/{index:03d}/{step.name}"])
        assert len(found.files) == 2 + len(program.steps)


def test_simulate_gives_outputs_in_the_models_layout(tmp_path):
    """An image model: channels first outside, channels last inside."""
    net = Net(x=[1, 3, 4, 5])
    model = save(net.model(net.add("MaxPool", "x", kernel_shape=[1, 1])), tmp_path)
    arguments = ("--input-range", "x=-1:1", "--output", tmp_path / "out", "--verify", "none")
    assert run("build", model, *M4, *arguments).code == 0
    codes = np.arange(-60, 60).astype(np.int8).reshape(2, 1, 3, 4, 5)[:, 0]
    np.save(tmp_path / "x.npy", codes)
    files = ("--inputs", tmp_path / "x.npy", "--output", tmp_path / "y.npz")
    assert run("simulate", tmp_path / "out", *files).code == 0
    program = open_firmware(tmp_path / "out").plan.program
    quant = program.tensors[program.outputs[0].tensor].quant
    with np.load(tmp_path / "y.npz") as found:
        (name,) = [key.removeprefix("outputs/") for key in found.files if key.startswith("outputs/")]
        real = dequantize_array(codes, quant.step, quant.zero_point)
        np.testing.assert_array_equal(real[:, None], found[f"outputs/{name}"])


def test_evaluate_json(place, digits):
    arguments = ("--model", digits.model, "--inputs", digits.images)
    done = run("evaluate", "digits_mcuq", *arguments, "--labels", digits.labels, "--json")
    assert (done.code, done.err) == (0, "")
    assert (done.json["samples"], done.json["metric"]) == (len(np.load(digits.labels)), "top1")
    (score,) = done.json["outputs"].values()
    assert score.keys() >= {"float", "int8", "agreement", "sqnr_db"}
    assert score["float"] > 0.9
    assert score["int8"] >= score["float"] - 0.015
    assert score["agreement"] > 0.95
    without = run("evaluate", "digits_mcuq", *arguments, "--json").json
    (score,) = without["outputs"].values()
    assert (without["metric"], score["float"], score["int8"]) == (None, None, None)
    assert score["agreement"] > 0.95


def test_evaluate_table_and_mse(place, digits):
    targets = np.zeros((len(np.load(digits.labels)), 10), np.float32)
    np.save(place / "targets.npy", targets)
    arguments = (
        "--model",
        digits.model,
        "--inputs",
        digits.images,
        "--labels",
        "targets.npy",
        "--metric",
        "mse",
    )
    done = run("evaluate", "digits_mcuq", *arguments)
    assert (done.code, done.err) == (0, "")
    assert re.search(r"probabilities +0\.\d+ +0\.\d+ .*\d\d\.\d+% +\d+\.\d dB", done.out)


def test_lock_and_check(place):
    require("cc")
    done = run("lock", "digits_mcuq")
    assert (done.code, done.err) == (0, "")
    lock = place / "digits.mcuq.lock"
    assert lock.is_file()
    assert run("check", lock).code == 0
    # A lock may lie elsewhere; it finds its program from there.
    (place / "locks").mkdir()
    assert run("lock", "digits_mcuq", "--output", "locks/d.lock").code == 0
    assert json.loads((place / "locks" / "d.lock").read_text())["program"] == "../digits_mcuq/digits.mcuq.npz"
    assert run("check", "locks/d.lock").code == 0


def test_check_names_what_moved(place):
    require("cc")
    assert run("lock", "digits_mcuq").code == 0
    lock = place / "digits.mcuq.lock"
    document = json.loads(lock.read_text())
    document["steps"][2]["outputs"]["vector 0"] = "0" * 16
    document["sizes"]["arena_bytes"] += 4
    lock.write_text(json.dumps(document))
    done = run("check", lock)
    assert done.code == 4
    layer = document["steps"][2]["name"]
    assert f"output 'vector 0' of layer '{layer}' moved" in done.err
    assert "size 'arena_bytes' moved" in done.err


def test_targets_and_ops():
    every = run("targets", "--json").json["targets"]
    assert {"cortex-m4", "cortex-m0plus", "host", "rp2040"} <= {target["name"] for target in every}
    (one,) = run("targets", "rp2040", "--json").json["targets"]
    assert (one["core"], one["ram_bytes"]) == ("cortex-m0plus", 270_336)
    assert run("targets", "nothing").code == 2
    assert set(readers().supported) == set(run("ops", "--json").json["operators"])
    for command in ("targets", "ops"):
        text = run(command)
        assert (text.code, text.err) == (0, "")
        assert "\x1b" not in text.out


def test_progress_is_silent_without_a_terminal():
    with progress("working") as update:
        assert update is None


@pytest.mark.slow
def test_progress_is_shown_on_a_terminal_alone(place, digits):
    """Standard error is a terminal, standard output a pipe."""
    main, terminal = pty.openpty()
    arguments = ["build", str(digits.model), *M4, "--calibration", str(digits.calibration), "--output", "out"]
    done = subprocess.run(
        [sys.executable, "-m", "mcuq", *arguments, "--name", "digits", "--verify", "none", "--json"],
        stdout=subprocess.PIPE,
        stderr=terminal,
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"},
        check=True,
    )
    os.close(terminal)
    shown = os.read(main, 1 << 16)
    os.close(main)
    assert b"\x1b[" in shown
    assert json.loads(done.stdout)["name"] == "digits"


def test_output_has_no_control_sequences_in_a_pipe(place):
    done = run_process(
        "build", "digits_mcuq/digits.mcuq.npz", *M4, "--output", "out", "--verify", "none", cwd=place
    )
    assert done.code == 0
    assert "\x1b" not in done.out + done.err

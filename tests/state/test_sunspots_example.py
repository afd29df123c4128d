"""The sunspots example: its files are what its script gives, and its firmware forecasts from its state."""

import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from mcuq.pipeline.stored import load_program
from mcuq.simulator.ports import dequantize_outputs, quantize_inputs
from mcuq.simulator.simulate import initial_state, simulate_sequence
from tests.project.source import ROOT

FOLDER = ROOT / "firmware_examples" / "sunspots"
WARM_UP = 24


@pytest.mark.slow
def test_files_are_what_the_script_gives(tmp_path):
    command = [sys.executable, FOLDER / "train.py", "--output", tmp_path]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    for path in tmp_path.glob("*.npy"):
        # Another BLAS may round otherwise.
        np.testing.assert_allclose(np.load(FOLDER / path.name), np.load(path), rtol=1e-4, atol=1e-4)
    for own, other in zip(_weights(FOLDER), _weights(tmp_path), strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-2, atol=1e-2)
    readme = " ".join((FOLDER / "README.md").read_text("utf-8").split())
    network, linear, same = (
        run.stdout.split("\n")[1].split(f"{name} ")[1].split(",")[0].strip()
        for name in ("network", "autoregression", "year")
    )
    assert f"not seen: {network} sunspots" in readme
    assert same in readme and linear in readme


def _weights(folder):
    return [numpy_helper.to_array(each) for each in onnx.load(folder / "model.onnx").graph.initializer]


def test_firmware_forecasts_from_its_own_state():
    program = load_program(FOLDER / "locked/sunspots.mcuq.npz")
    given, wanted = (np.load(FOLDER / f"{name}.npy") for name in ("test", "test_next"))
    codes = quantize_inputs(program, {"sunspots": given[:, None]})
    found, _ = simulate_sequence(program, codes, initial_state(program))
    (forecast,) = dequantize_outputs(program, found).values()
    errors = forecast[WARM_UP - 1 :, 0, 0] - wanted[WARM_UP - 1 :, 0]
    same = given[WARM_UP - 1 :, 0] - wanted[WARM_UP - 1 :, 0]
    assert np.sqrt(np.mean(errors**2)) < 0.7 * np.sqrt(np.mean(same**2))
    # Without state it knows one year, which says little of the next.
    lone = np.concatenate(
        [simulate_sequence(program, [x[None]], initial_state(program))[0][0] for x in codes[0]]
    )
    (alone,) = dequantize_outputs(program, (lone,)).values()
    assert np.mean((alone[WARM_UP - 1 :, 0, 0] - wanted[WARM_UP - 1 :, 0]) ** 2) > 1.5 * np.mean(errors**2)

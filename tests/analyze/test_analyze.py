"""The analysis on the digits example: its parts must add up, and its page must stand alone."""

import dataclasses
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mcuq.analyze.advice import advise
from mcuq.analyze.layers import CAUSES, LayerError, analyze_layers, observe_network
from mcuq.analyze.measures import agreement, cosine, ratio_db, sqnr_db
from mcuq.analyze.plots import plot_layers
from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.options import QuantOptions
from mcuq.pipeline.analyze import analyze
from mcuq.pipeline.calibrate import calibrate_model
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.compile import compile_model

DIGITS = Path(__file__).resolve().parents[2] / "firmware_examples/digits"
DATA = CalibrationData(DIGITS / "calibration.npy")


@pytest.fixture(scope="module")
def network():
    calibrated = calibrate_model(read(DIGITS / "model.onnx"), DATA, QuantOptions())
    return observe_network(
        calibrated.graph,
        compile_model(calibrated, QuantOptions()).program,
        calibrated.samples.take(range(24)),
    )


@pytest.fixture(scope="module")
def layers(network):
    return analyze_layers(network)


def test_measures_on_known_values():
    real = np.array([[3.0, 4.0], [0.0, 5.0]])
    assert sqnr_db(real, real) is None
    assert sqnr_db(real, real * 0.9) == pytest.approx(20.0)
    assert cosine(real, 2 * real) == pytest.approx(1.0)
    assert cosine(real, np.zeros_like(real)) is None
    assert agreement(real, real[:, ::-1]) == 0.0
    assert ratio_db(0.0, 1.0) is None


def test_every_step_is_measured_once_in_order(network, layers):
    names = [step.name for step in network.program.steps]
    assert names == [layer.name for layer in layers]
    assert all(set(CAUSES) == set(layer.causes) for layer in layers)


def test_first_layer_is_the_same_alone_and_in_the_network(layers):
    assert layers[0].local_sqnr_db == layers[0].cumulative_sqnr_db


def test_isolated_error_of_the_last_layer_is_its_local_error(layers):
    assert layers[-1].isolated_sqnr_db == pytest.approx(layers[-1].local_sqnr_db, abs=1e-6)


def test_noise_of_layers_predicts_the_noise_of_the_network(network, layers):
    predicted = 10 * math.log10(1 / sum(layer.isolated_noise for layer in layers))
    assert layers[-1].cumulative_sqnr_db == pytest.approx(predicted, abs=4)


def test_causes_explain_the_local_error(layers):
    for layer in layers:
        explained = sum(layer.causes.values())
        assert 10 ** (-layer.local_sqnr_db / 10) == pytest.approx(explained, rel=0.8), layer.name


def test_coarser_weights_are_named_as_the_cause(network):
    weights = next(step for step in network.program.steps if step.op.kind == "linear")
    params = dataclasses.replace(
        weights.op.params, weights=(weights.op.params.weights // 32 * 32).astype(np.int8)
    )
    steps = tuple(
        dataclasses.replace(step, op=dataclasses.replace(step.op, params=params)) if step is weights else step
        for step in network.program.steps
    )
    coarse = dataclasses.replace(network, program=dataclasses.replace(network.program, steps=steps))
    found = analyze_layers(coarse)
    best = advise(found, QuantOptions())[0]
    assert best.layer == weights.name
    assert best.cause == "weight rounding"
    assert best.gain_db > 3


def test_advice_ranks_by_predicted_gain(layers):
    gains = [advice.gain_db for advice in advise(layers, QuantOptions())]
    assert gains == sorted(gains, reverse=True)
    silent = [dataclasses.replace(layer, isolated_noise=0.0) for layer in layers]
    assert advise(silent, QuantOptions()) == ()
    alone: list[LayerError] = [*silent[1:], layers[0]]
    assert advise(alone, QuantOptions())[0].gain_db == 60.0


@pytest.mark.parametrize(
    ("cause", "settings"),
    [
        ("output rounding", {"method": "mse"}),
        ("input rounding", {"method": "percentile"}),
        ("input rounding", {"method": "kl"}),
        ("clipping", {"method": "minmax"}),
        ("weight rounding", {"weights": "per-channel", "weight_rounding": "gptq"}),
        ("weight rounding", {"weight_rounding": "adaround", "equalize": "on"}),
    ],
)
def test_advice_names_nothing_that_is_in_use(layers, cause, settings):
    options = QuantOptions(**settings)
    causes = {name: float(name == cause) for name in CAUSES}
    layer = dataclasses.replace(layers[0], causes=causes, isolated_noise=1.0, is_fixed=False)
    (advice,) = advise([layer], options)
    assert advice.cause == cause
    for setting in settings.values():
        assert f" {setting}" not in advice.action


@pytest.mark.parametrize(
    ("cause", "settings", "action"),
    [
        ("weight rounding", {"weights": "per-tensor"}, "leave --weights per-tensor out"),
        ("weight rounding", {"weight_rounding": "nearest"}, "leave --weight-rounding nearest out"),
        ("output rounding", {"activations": "symmetric"}, "leave --activations symmetric out"),
        ("output rounding", {}, "--calibration-method percentile"),
        ("clipping", {}, "--calibration-method minmax"),
    ],
)
def test_advice_names_what_helps(layers, cause, settings, action):
    causes = {name: float(name == cause) for name in CAUSES}
    layer = dataclasses.replace(layers[0], causes=causes, isolated_noise=1.0, is_fixed=False)
    (advice,) = advise([layer], QuantOptions(**settings))
    assert advice.action.endswith(action) or f"{action} " in advice.action


def test_page_stands_alone_and_is_reproducible():
    pytest.importorskip("matplotlib")
    pages = [
        analyze(DIGITS / "model.onnx", DATA, QuantOptions(), samples=8, page=Path("x.html"))[1]
        for _ in range(2)
    ]
    assert pages[0] == pages[1]
    text = pages[0].decode()
    assert text.count("<svg") == text.count("</svg>") >= 3
    assert re.findall(r'(?:src|href)="(?!#)[^"]*"', text) == []
    assert "stem/conv" in text


def test_page_without_a_place_for_the_cache_of_matplotlib_is_refused(monkeypatch):
    class Refusing:
        def find_spec(self, name, *_):
            if name == "matplotlib":
                raise OSError("a temporary directory could not be created")

    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Refusing(), *sys.meta_path])
    with pytest.raises(McuqError, match="O012") as caught:
        plot_layers([])
    assert "MPLCONFIGDIR" in str(caught.value)


def test_command_prints_one_json_object():
    command = [sys.executable, "-m", "mcuq", "analyze", DIGITS / "model.onnx", "--measure", "4", "--json"]
    command += ["--calibration", DIGITS / "calibration.npy"]
    run = subprocess.run(command, capture_output=True, check=True, text=True)
    document = json.loads(run.stdout)
    assert document["samples"] == 4
    assert len(document["layers"]) == 8
    assert run.stderr == ""

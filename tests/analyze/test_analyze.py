"""The analysis on the digits example: its parts must add up, and its page must stand alone."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mcuq.analyze.advice import advise
from mcuq.analyze.floats import run_hybrid
from mcuq.analyze.layers import CAUSES, analyze_layers, dequantize, observe_network, quantized_constants
from mcuq.analyze.measures import agreement, cosine, ratio_db, sqnr_db
from mcuq.analyze.noise import measure_noise
from mcuq.analyze.plots import plot_layers
from mcuq.calibrate.data import Samples
from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.ir.integer import quantize_tensor
from mcuq.ops.weighted_step import WeightedStep
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


@pytest.fixture(scope="module")
def budget(network):
    return measure_noise(network)


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


def test_parts_of_the_noise_add_up_to_what_is_measured(network, budget):
    (judged,) = budget.judged
    assert network.graph.producer("probabilities").inputs[0] == judged
    quant = next(each.quant for each in network.program.tensors if each.name == judged)
    found = dequantize(network.codes[judged], quant).reshape(network.real[judged].shape)
    measured = sqnr_db(network.real[judged], found)
    assert budget.sqnr_db == pytest.approx(measured, abs=1e-6)
    assert budget.predicted_db == pytest.approx(measured, abs=1e-6)


def test_every_rounding_and_every_layers_weights_are_one_part(network, budget):
    layers = [step.name for step in network.program.steps]
    weighted = [step.name for step in network.program.steps if isinstance(step.op, WeightedStep)]
    parts = [(part.layer, part.kind) for part in budget.parts]
    assert len(set(parts)) == len(parts)
    assert ["image", *layers] == [layer for layer, kind in parts if kind == "rounding"]
    assert weighted == [layer for layer, kind in parts if kind == "weights"]


def test_predicted_gain_is_what_exact_outputs_of_a_layer_gain(network, budget):
    # All tensors behind it are quantized again, each with the rounding that it has in the network.
    best = max((part for part in budget.parts if part.kind == "rounding"), key=lambda part: part.gain_db)
    gained = _sqnr_without_rounding(network, best.tensor, budget.judged[0])
    assert best.gain_db > 1
    assert gained - budget.sqnr_db == pytest.approx(best.gain_db, abs=1)


def _sqnr_without_rounding(network, exact, judged):
    """SQNR where one tensor is what its layer gives for quantized inputs, and the integers' behind it."""
    tensors = {tensor.name: tensor for tensor in network.program.tensors}
    steps = {network.program.tensors[step.output].name: step for step in network.program.steps}
    inner = network.program.tensors[network.program.inputs[0].tensor]
    port = network.graph.inputs[0].tensor
    codes = network.codes[inner.name]
    known = {port: dequantize(codes, inner.quant).reshape(-1, *network.graph.tensors[port].shape)}
    for node in network.graph.nodes:
        step = steps.get(node.output)
        weights = {} if step is None else quantized_constants(network, step, node)
        found = run_hybrid(network.graph, known, weights, network.inputs, [node.output])[node.output]
        if step is not None and node.output != exact:
            quant = tensors[node.output].quant
            found = dequantize(quantize_tensor(found, quant), quant).astype(np.float32)
        known[node.output] = found
    return sqnr_db(network.real[judged], known[judged])


def test_a_network_without_noise_has_no_parts_that_gain(network):
    exact = dataclasses.replace(network, real=dict(network.real))
    (judged,) = measure_noise(network).judged
    quant = next(each.quant for each in network.program.tensors if each.name == judged)
    values = dequantize(network.codes[judged], quant).reshape(network.real[judged].shape)
    exact.real[judged] = values
    budget = measure_noise(exact)
    assert budget.sqnr_db is None
    assert [0.0] * len(budget.parts) == [part.gain_db for part in budget.parts]


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
    # The codes of the network itself are those of the finer weights.
    given = Samples.from_arrays(coarse.inputs)
    coarse = observe_network(coarse.graph, coarse.program, given)
    best = advise(measure_noise(coarse), analyze_layers(coarse), QuantOptions())[0]
    assert best.layer == weights.name
    assert best.cause == "weight rounding"
    assert best.gain_db > 3


def test_advice_ranks_by_predicted_gain(budget, layers):
    gains = [advice.gain_db for advice in advise(budget, layers, QuantOptions())]
    assert gains == sorted(gains, reverse=True)
    assert len(gains) == 5
    silent = [dataclasses.replace(part, gain_db=0.0) for part in budget.parts]
    assert advise(dataclasses.replace(budget, parts=tuple(silent)), layers, QuantOptions()) == ()


def one_part(budget, layers, cause, options):
    """The advice for one part whose cause is given."""
    tensor = "image" if cause == "input rounding" else layers[0].tensor
    kind = "weights" if cause == "weight rounding" else "rounding"
    part = dataclasses.replace(budget.parts[0], tensor=tensor, kind=kind, gain_db=1.0)
    causes = {name: float(name == cause) for name in CAUSES}
    layer = dataclasses.replace(layers[0], causes=causes, is_fixed=False)
    (advice,) = advise(dataclasses.replace(budget, parts=(part,)), [layer], options)
    return advice


@pytest.mark.parametrize(
    ("cause", "settings"),
    [
        ("output rounding", {"method": "mse"}),
        ("output rounding", {"method": "percentile"}),
        ("output rounding", {"method": "kl"}),
        ("clipping", {"method": "minmax"}),
        ("weight rounding", {"weights": "per-channel", "weight_rounding": "gptq"}),
        ("weight rounding", {"weight_rounding": "adaround", "equalize": "on"}),
    ],
)
def test_advice_names_nothing_that_is_in_use(budget, layers, cause, settings):
    options = QuantOptions(**settings)
    advice = one_part(budget, layers, cause, options)
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
        ("input rounding", {}, "--input-range"),
    ],
)
def test_advice_names_what_helps(budget, layers, cause, settings, action):
    advice = one_part(budget, layers, cause, QuantOptions(**settings))
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
    noise = document["noise"]
    assert noise["sqnr_db"] == pytest.approx(noise["predicted_db"], abs=1e-6)
    assert pytest.approx(sum(part["share"] for part in noise["parts"])) == 1
    assert run.stderr == ""

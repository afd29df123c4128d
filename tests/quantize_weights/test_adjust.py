"""Whole networks with adjusted weights."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mcuq.pipeline.measure
from mcuq.calibrate.data import Samples
from mcuq.calibrate.params import Range, Scheme
from mcuq.calibrate.ranges import Ranges
from mcuq.calibrate.run import run_float
from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.ir.integer import Rounding
from mcuq.ir.program import Origin, RangeSource
from mcuq.ir.store import program_to_npz
from mcuq.options import QuantOptions
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.calibrate import calibrate_model
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.compile import compile_model
from mcuq.pipeline.measure import MOST_FITTED, Wanted, fitting_indices, observe
from mcuq.quantize.activation_widths import resolve_widths
from mcuq.quantize.adjust import adjust_graph
from mcuq.quantize.lower import lower_graph
from mcuq.quantize.prefix import Prefix
from mcuq.quantize.quantize import quantize_graph
from mcuq.quantize.reference import held_out_mask
from mcuq.quantize.rounding.choose import Methods
from mcuq.simulator.ports import dequantize_outputs, quantize_inputs
from mcuq.simulator.simulate import simulate_program, trace_program
from tests.small_models import Net, save

DIGITS = Path(__file__).parents[2] / "firmware_examples" / "digits"
ORIGIN = Origin("0" * 64, RangeSource.CALIBRATED, ())
NOTHING = Methods(bias=False, scale=False, rounding="nearest")


def _net():
    """Every way in which layers are connected: dense, depthwise, grouped, joined, constants, rows of rows."""
    net = Net(x=[1, 4, 8, 8])
    a = net.add("Relu", net.conv("x", 4, 6, (3, 3), pads=[1, 1, 1, 1]))
    b = net.add("Relu", net.conv(a, 6, 6, (3, 3), group=6, pads=[1, 1, 1, 1]))
    c = net.conv(b, 6, 6, (1, 1), group=2)
    y = net.add("Concat", net.add("Add", a, c), net.add("Sigmoid", c), axis=1)
    y = net.add("Mul", y, net.random(1, 12, 8, 8))
    y = net.add("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2])
    y = net.add("Reshape", y, net.const(np.array([1, 12, 16])))
    y = net.add("Add", net.add("MatMul", y, net.random(16, 5)), net.random(5))
    return net.add("Softmax", y), net


def _calibrated(tmp_path, count=24, values=None):
    y, net = _net()
    graph = canonicalize(read(save(net.model(y), tmp_path)).graph)
    if values is None:
        values = np.random.default_rng(0).normal(size=(count, 1, 4, 8, 8))
    samples = Samples.from_arrays({"x": values.astype(np.float32)})
    return graph, samples, _ranges(graph, samples)


def _ranges(graph, samples):
    return observe(graph, samples, QuantOptions(), Wanted()).ranges


def _reference(graph, samples):
    return observe(graph, samples, QuantOptions(), Wanted(fits_weights=True)).reference


def _adjust(graph, samples, ranges, methods=None, is_per_channel=True):
    reference = _reference(graph, samples)
    return adjust_graph(
        graph, ranges, Scheme.ASYMMETRIC, Rounding.DOUBLE, reference, methods or Methods(), is_per_channel
    )


def _lower(graph):
    return lower_graph(graph, Rounding.DOUBLE, ORIGIN)


@pytest.mark.parametrize("is_per_channel", [True, False])
def test_adjust_with_no_method_is_rounding_to_nearest(tmp_path, is_per_channel):
    graph, samples, ranges = _calibrated(tmp_path)
    adjusted, report = _adjust(graph, samples, ranges, NOTHING, is_per_channel)
    nearest = quantize_graph(graph, ranges, Scheme.ASYMMETRIC, is_per_channel)
    assert program_to_npz(_lower(nearest)) == program_to_npz(_lower(adjusted))
    assert [layer.gains for layer in report.layers] == [()] * 4


def test_prefix_computes_what_the_simulator_does(tmp_path):
    graph, samples, ranges = _calibrated(tmp_path, 11)
    quantized = quantize_graph(graph, ranges, Scheme.ASYMMETRIC)
    reference = _reference(graph, samples)
    program = _lower(quantized)
    expected = {
        program.tensors[step.output].name: y
        for _, step, (y,) in trace_program(program, quantize_inputs(program, {"x": samples.array("x")}))
    }
    prefix = Prefix(quantized, quantized.tensors, quantized.constants, Rounding.DOUBLE, reference.inputs)
    compared = 0
    for node in quantized.nodes:
        prefix.run(node)
        if node.output in expected:
            np.testing.assert_array_equal(expected[node.output], prefix.codes(node.output))
            compared += 1
    assert compared >= 8


def test_adjust_lowers_the_held_out_error_of_every_layer(tmp_path):
    _, report = _adjust(*_calibrated(tmp_path))
    assert len(report.layers) == 4
    assert all(gain.gain_db > 0 for layer in report.layers for gain in layer.gains if gain.is_kept)
    kept, tried, gain = report.kept("rounding")
    assert tried == 4 and kept >= 1 and gain > 0


def test_adjust_of_depthwise_is_that_of_single_dense_layers(tmp_path):
    weights = np.random.default_rng(3).normal(size=(3, 1, 3, 3)).astype(np.float32)
    bias = np.array([0.1, -0.2, 0.3], np.float32)
    values = np.random.default_rng(4).normal(size=(16, 1, 3, 6, 6)).astype(np.float32)
    values[:, :, :, 0, 0], values[:, :, :, 0, 1] = 3, -3  # one range for all channels
    methods = Methods(is_gated=False)

    def codes(w, b, x, **attrs):
        net = Net(x=[1, *x.shape[2:]])
        y = net.add("Conv", "x", net.const(w), net.const(b), pads=[1, 1, 1, 1], **attrs)
        graph = canonicalize(read(save(net.model(y), tmp_path)).graph)
        samples = Samples.from_arrays({"x": x})
        quantized, _ = _adjust(graph, samples, _ranges(graph, samples), methods)
        return next(q for q in quantized.constants.values() if q.dtype == np.int8)

    together = codes(weights, bias, values, group=3)
    for c in range(3):
        alone = codes(weights[c : c + 1], bias[c : c + 1], values[:, :, c : c + 1])
        np.testing.assert_array_equal(together[c].reshape(-1), alone.reshape(-1))


@pytest.mark.parametrize("kind", ["zeros", "constant", "one pixel", "few"])
def test_adjust_of_poor_samples_is_finite(tmp_path, kind):
    values = np.zeros((8, 1, 4, 8, 8))
    if kind == "constant":
        values += 0.7
    elif kind == "one pixel":
        values[:, :, 1, 3, 3] = np.arange(8)[:, None]
    elif kind == "few":
        values = np.random.default_rng(1).normal(size=(4, 1, 4, 8, 8))
    for is_per_channel in (True, False):
        for methods in (Methods(), Methods(is_gated=False)):
            graph, samples, ranges = _calibrated(tmp_path, values=values)
            quantized, _ = _adjust(graph, samples, ranges, methods, is_per_channel)
            _lower(quantized)
            assert all(np.isfinite(tensor.quant.scale).all() for tensor in quantized.tensors.values())


def test_adjust_stops_where_a_layer_cannot_be_lowered(tmp_path):
    net = Net(x=[1, 4])
    y = net.add("Gemm", "x", net.random(4, 3), net.random(3))
    y = net.add("Gemm", net.add("Relu", y), net.random(3, 2), net.random(2))
    y = net.add("Gemm", net.add("Relu", y), net.random(2, 2), net.random(2))
    graph = canonicalize(read(save(net.model(y), tmp_path)).graph)
    samples = Samples.from_arrays({"x": np.random.default_rng(0).normal(size=(8, 1, 4)).astype(np.float32)})
    measured = _ranges(graph, samples)
    tiny = dataclasses.replace(measured.tensors[graph.nodes[1].output], range=Range(0.0, 1e-37))
    ranges = Ranges({**measured.tensors, graph.nodes[1].output: tiny})
    quantized, report = _adjust(graph, samples, ranges)
    assert len(report.layers) == 2
    assert len(quantized.nodes) == 3
    with pytest.raises(McuqError, match="Q003"):
        _lower(quantized)


def test_held_out_samples_are_every_fourth():
    np.testing.assert_array_equal([0, 0, 0, 1, 0, 0, 0, 1, 0], held_out_mask(9))


def _compile(options, count=48):
    data = CalibrationData(Samples.from_arrays({"image": np.load(DIGITS / "calibration.npy")[:count, None]}))
    return compile_model(calibrate_model(read(DIGITS / "model.onnx"), data, options), options)


def _errors_of_new_samples(options, monkeypatch, aims):
    """Squared error of the digits' logits on samples that nothing was fitted to."""
    by = Wanted.by
    with monkeypatch.context() as patch:
        patch.setattr(Wanted, "by", lambda *args: dataclasses.replace(by(*args), aims=aims))
        program = _compile(options, 96).program
    new = Samples.from_arrays({"image": np.load(DIGITS / "calibration.npy")[96:192, None]})
    (real,) = run_float((DIGITS / "model.onnx").read_bytes(), new, ["probabilities"]).values()
    codes = simulate_program(program, quantize_inputs(program, {"image": new.array("image")}))
    (found,) = dequantize_outputs(program, codes).values()
    return float(np.square(found.reshape(real.shape) - real).sum())


def test_layers_behind_int16_aim_at_the_sums_of_the_float_model(monkeypatch):
    options = QuantOptions(activation_bits=16, equalize="off", output_types={"": "int16"})
    assert Wanted.by(options, 96).aims and not Wanted.by(QuantOptions(), 96).aims
    without, aimed = (_errors_of_new_samples(options, monkeypatch, aims) for aims in (False, True))
    assert aimed < 0.8 * without, (aimed, without)


@pytest.mark.parametrize(("count", "is_aimed"), [(24, False), (120, True)])
def test_layers_behind_int16_aim_where_rows_are_no_fewer_than_inputs(tmp_path, count, is_aimed):
    net = Net(x=[1, 4])
    y = net.add("Relu", net.add("Gemm", "x", net.random(4, 20), net.random(20)))
    y = net.add("Gemm", y, net.random(20, 3), net.random(3))
    graph = canonicalize(read(save(net.model(y), tmp_path)).graph)
    values = np.random.default_rng(0).normal(size=(count, 1, 4)).astype(np.float32)
    samples = Samples.from_arrays({"x": values})
    ranges = _ranges(graph, samples)
    widths = resolve_widths(graph, ranges, QuantOptions(activation_bits=16))
    codes = []
    for aims in (False, True):
        reference = observe(graph, samples, QuantOptions(), Wanted(fits_weights=True, aims=aims)).reference
        fitted, _ = adjust_graph(
            graph, ranges, Scheme.ASYMMETRIC, Rounding.DOUBLE, reference, Methods(), widths=widths
        )
        codes.append(fitted.constants[fitted.nodes[-1].inputs[1]])
    assert is_aimed == bool((codes[0] != codes[1]).any())


@pytest.mark.parametrize("rounding", ["gptq", "nearest"])
def test_compile_is_deterministic_and_says_what_it_did(rounding):
    options = QuantOptions(weight_rounding=rounding)
    first, second = _compile(options), _compile(options)
    assert program_to_npz(first.program) == program_to_npz(second.program)
    recorded = dict(first.program.origin.options)
    assert recorded["weight-rounding"] == rounding
    assert ("adjusted.rounding" in recorded) == (first.weights is not None) == (rounding == "gptq")


def test_compile_fits_weights_to_a_bounded_number_of_samples(monkeypatch, tmp_path):
    """Memory does not grow with more samples, and those that are used come from everywhere."""
    chosen = fitting_indices(1000)
    assert len(chosen) == MOST_FITTED
    assert (chosen[0], chosen[-1]) == (0, 992)
    assert set(np.diff(chosen)) == {7, 8}
    assert len(fitting_indices(100)) == 100
    monkeypatch.setattr(mcuq.pipeline.measure, "MOST_FITTED", 8)
    graph, samples, _ = _calibrated(tmp_path, 40)
    reference = _reference(graph, samples)
    assert reference.samples == 8
    assert np.array_equal(samples.array("x")[::5, 0].transpose(0, 2, 3, 1), reference.inputs["x"][:, 0])


def test_compile_adjusts_nothing_without_samples_to_hold_out():
    assert _compile(QuantOptions(), 3).weights is None
    options = QuantOptions()
    calibrated = calibrate_model(read(DIGITS / "model.onnx"), None, options)
    assert compile_model(calibrated, options).weights is None


@pytest.mark.slow
def test_compile_does_not_depend_on_the_number_of_threads():
    script = (
        "import hashlib; from mcuq.ir.store import program_to_npz;"
        "from tests.quantize_weights.test_adjust import _compile;"
        "from mcuq.options import QuantOptions;"
        "print(hashlib.sha256(program_to_npz(_compile(QuantOptions()).program)).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=DIGITS.parents[1],
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads, "PYTHONHASHSEED": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    }
    assert len(found) == 1

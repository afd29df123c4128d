"""Ranges without data: what normalizations say, followed through every operator."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from mcuq.calibrate.input_guess import guess_input_ranges, usual_range
from mcuq.calibrate.params import Range
from mcuq.calibrate.spread import follow_spreads, spread_range
from mcuq.cli.app import app
from mcuq.frontend import read
from mcuq.ir.program import RangeSource
from mcuq.ir.spread import total_moments
from mcuq.options import QuantOptions
from mcuq.pipeline.calibrate import calibrate_model
from mcuq.pipeline.compile import compile_model
from tests.project.source import ROOT
from tests.small_models import Net, save

DIGITS = ROOT / "firmware_examples" / "digits"


def normalize(net, x, gamma, beta, mean=0.0, var=1.0, **attrs):
    values = [np.broadcast_to(np.float32(each), len(gamma)).copy() for each in (gamma, beta, mean, var)]
    return net.add("BatchNormalization", x, *map(net.const, values), epsilon=0.0, **attrs)


def spreads_of(net, output, folder):
    model = read(save(net.model(output), folder))
    return follow_spreads(model.graph, model.normalizations)


def test_read_normalizations_sees_through_identity(tmp_path):
    net = Net(x=[1, 2, 4, 4])
    gamma = net.add("Identity", net.const(np.array([1.0, -2.0])))
    beta = net.const(np.array([0.5, 0.0]))
    y = net.add("BatchNormalization", "x", gamma, beta, net.const([0.0, 3.0]), net.const([1.0, 4.0]))
    (found,) = read(save(net.model(y), tmp_path)).normalizations
    assert ("x", y) == (found.x, found.y)
    np.testing.assert_array_equal([1.0, -2.0], found.gamma)
    np.testing.assert_array_equal([0.0, 3.0], found.mean)
    np.testing.assert_allclose([1.0, 2.0], found.deviation, rtol=1e-5)


def test_read_normalizations_leaves_out_what_is_computed(tmp_path):
    net = Net(x=[1, 2, 4, 4])
    gamma = net.add("Neg", net.const(np.array([1.0, 2.0])))
    y = net.add("BatchNormalization", "x", gamma, *(net.const([0.0, 1.0]) for _ in range(3)))
    assert read(save(net.model(y), tmp_path)).normalizations == ()


def test_spread_of_a_normalization_is_beta_and_six_gamma(tmp_path):
    net = Net(x=[1, 2, 4, 4])
    y = normalize(net, "x", [1.0, -2.0], [0.5, 1.0])
    assert Range(-11.0, 13.0) == spread_range(spreads_of(net, y, tmp_path)[y])


def test_spread_behind_relu_clip_and_pools(tmp_path):
    net = Net(x=[1, 2, 4, 4])
    y = normalize(net, "x", [1.0, -2.0], [0.5, 1.0])
    relu = net.add("Relu", y)
    six = net.add("Clip", relu, net.const(np.float32(0)), net.const(np.float32(6)))
    pooled = net.add("MaxPool", six, kernel_shape=[2, 2], strides=[2, 2])
    found = spreads_of(net, pooled, tmp_path)
    assert Range(0.0, 13.0) == spread_range(found[relu])
    assert Range(0.0, 6.0) == spread_range(found[six]) == spread_range(found[pooled])


def test_spread_of_a_sum_adds_variances(tmp_path):
    net = Net(x=[1, 1, 4, 4])
    a, b = normalize(net, "x", [3.0], [1.0]), normalize(net, "x", [4.0], [2.0])
    y = net.add("Add", a, b)
    found = spread_range(spreads_of(net, y, tmp_path)[y])
    np.testing.assert_allclose((3 - 30, 3 + 30), (found.lo, found.hi), rtol=1e-6)


def test_spread_of_rectified_sums_stays_positive(tmp_path):
    net = Net(x=[1, 1, 4, 4])
    a, b = (net.add("Relu", normalize(net, "x", [gamma], [1.0])) for gamma in (3.0, 4.0))
    y = net.add("Add", a, b)
    assert spread_range(spreads_of(net, y, tmp_path)[y]).lo == 0


def test_spread_of_a_layer_is_what_independent_inputs_give(tmp_path):
    net = Net(x=[1, 2, 4, 4])
    y = normalize(net, "x", [1.0, 2.0], [1.0, -1.0])
    w = np.array([[[[3.0]], [[1.0]]]])
    out = net.add("Conv", y, net.const(w), net.const([0.5]), kernel_shape=[1, 1])
    mean, deviation = total_moments(spreads_of(net, out, tmp_path)[out])
    np.testing.assert_allclose((3.0 - 1.0 + 0.5, np.sqrt(9 + 4)), (mean, deviation), rtol=1e-4)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_spread_of_grouped_layers_reads_the_groups_channels(tmp_path, groups):
    net = Net(x=[1, 4, 3, 3])
    beta = np.array([1.0, 10.0, 100.0, 1000.0])
    y = normalize(net, "x", [1e-3] * 4, beta)
    w = np.ones((4, 4 // groups, 1, 1))
    out = net.add("Conv", y, net.const(w), net.const(np.zeros(4)), kernel_shape=[1, 1], group=groups)
    points = spreads_of(net, f"{out}", tmp_path)[out]
    middle = points[len(points) // 2].reshape(-1)
    np.testing.assert_allclose(np.repeat(beta.reshape(groups, -1).sum(1), 4 // groups), middle, rtol=1e-5)


def test_spread_follows_concat_slice_reshape_and_linear(tmp_path):
    net = Net(x=[1, 2, 4, 4])
    a, b = normalize(net, "x", [1.0, 1.0], [1.0, 2.0]), normalize(net, "x", [1.0, 1.0], [3.0, 4.0])
    y = net.add("Concat", a, b, axis=1)
    cut = net.add("Slice", y, net.const(np.array([3])), net.const(np.array([4])), net.const(np.array([1])))
    flat = net.add("Flatten", cut)
    out = net.add("Gemm", flat, net.const(np.full((16, 1), 0.25)), net.const([1.0]))
    found = spreads_of(net, out, tmp_path)
    assert Range(-5.0, 10.0) == spread_range(found[y])
    assert Range(-2.0, 10.0) == spread_range(found[cut])
    mean, deviation = total_moments(found[out])
    np.testing.assert_allclose((16 * 0.25 * 4 + 1, 1.0), (mean, deviation), rtol=1e-4)


def test_spread_is_unknown_beside_an_input(tmp_path):
    net = Net(x=[1, 2, 4, 4])
    y = net.add("Add", normalize(net, "x", [1.0, 1.0], [0.0, 0.0]), "x")
    out = normalize(net, net.add("Relu", y), [1.0, 1.0], [0.0, 0.0])
    found = spreads_of(net, out, tmp_path)
    assert y not in found and out in found


def test_usual_range_is_chosen_only_where_values_fill_it():
    assert Range(0.0, 255.0) == usual_range(120.0, 65.0)
    assert Range(0.0, 1.0) == usual_range(0.45, 0.25)
    assert Range(-1.0, 1.0) == usual_range(0.0, 0.5)
    assert Range(-56.0, 64.0) == usual_range(4.0, 10.0)


def test_guess_finds_mean_and_deviation_of_the_input(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(40.0, 7.0, (2000, 3, 4, 4))
    w = rng.normal(size=(24, 3, 1, 1))
    seen = np.einsum("nchw,mc->mnhw", x, w[:, :, 0, 0]).reshape(24, -1)
    net = Net(x=[1, 3, 4, 4])
    y = net.add("Conv", "x", net.const(w), net.const(np.zeros(24)), kernel_shape=[1, 1])
    y = normalize(net, y, [1.0] * 24, [0.0] * 24, seen.mean(1), seen.var(1))
    model = read(save(net.model(y), tmp_path))
    found = guess_input_ranges(model.graph, model.normalizations)["x"]
    np.testing.assert_allclose((40 - 42, 40 + 42), (found.lo, found.hi), atol=1.5)


def test_calibrate_model_without_data_takes_ranges_of_normalizations():
    options = QuantOptions(samples=8)
    calibrated = calibrate_model(read(DIGITS / "model.onnx"), None, options)
    assert RangeSource.DATA_FREE is calibrated.source
    program = compile_model(calibrated, options).program
    assert "input-range-guessed.image" in dict(program.origin.options)
    assert calibrated.ranges["stem/relu"].lo == 0


def test_calibrate_model_without_data_keeps_a_given_input_range():
    options = QuantOptions(samples=8, input_ranges={"image": (0.0, 16.0)})
    calibrated = calibrate_model(read(DIGITS / "model.onnx"), None, options)
    assert Range(0.0, 16.0) == calibrated.ranges["image"]
    assert "input-range-guessed.image" not in dict(calibrated.recorded)


def test_calibrate_model_without_data_and_normalizations_is_synthetic(tmp_path):
    net = Net(x=[1, 2, 4, 4])
    path = save(net.model(net.add("Relu", net.conv("x", 2, 2, [1, 1], kernel_shape=[1, 1]))), tmp_path)
    assert RangeSource.SYNTHETIC is calibrate_model(read(path), None, QuantOptions(samples=4)).source


def test_digits_without_data_are_recognized(tmp_path):
    from mcuq import api

    api.build(DIGITS / "model.onnx", "host", output=tmp_path / "d", name="digits", verify="none")
    result = api.evaluate(
        tmp_path / "d", DIGITS / "model.onnx", DIGITS / "test_images.npy", DIGITS / "test_labels.npy"
    )
    (score,) = result.outputs.values()
    assert score.int8_value > 0.97


def test_build_without_data_warns_and_marks_the_firmware(tmp_path):
    arguments = ["build", str(DIGITS / "model.onnx"), "--target", "host", "--output", str(tmp_path / "d")]
    found = CliRunner().invoke(app, [*arguments, "--name", "digits", "--verify", "none"])
    assert found.exit_code == 0, found.output
    assert "BatchNormalization statistics and THE ACCURACY IS UNKNOWN" in found.stderr
    manifest = json.loads((tmp_path / "d" / "digits.mcuq.json").read_text("utf-8"))
    assert (manifest["ranges"], manifest["accuracy_known"]) == ("batchnorm", False)
    header = (tmp_path / "d" / "include" / "digits.h").read_text("utf-8")
    assert "WARNING" in header and "DIGITS_RANGES_BATCHNORM" in header
